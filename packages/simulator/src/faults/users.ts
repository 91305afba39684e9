/** Users, who create, change and delete pods, and somebody who binds pods beside the agent. */
import { type Pod, randomStream, type Random, virtualNodeName, wellKnown } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { isEnded } from '../cluster/api-server.ts';
import { runMsAnnotation } from '../cluster/kubelets.ts';
import { copyOfAnnotation, isStateful } from './controllers.ts';
import { isShadow, type ModelCluster, pick, relabelled, type World } from './model-world.ts';

/** Of somebody who binds pods to virtual nodes beside the agent: mean time between two tries. */
const intrusionMs = 4_000;
/** For how long a deletion counts as in force. */
const deletionMs = 1_000;

export class Users {
  readonly #world: World;
  /** The world's own. */
  readonly #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Until the trouble ends. */
  act(): void {
    const { options, clusters, time } = this.#world;
    const { troubleMs, podsPerCluster, seed } = options;
    for (const cluster of clusters) {
      // The first cluster is crowded; the others have room to lend.
      const lent = Math.ceil(podsPerCluster / 4);
      const pods = cluster === clusters[0] ? podsPerCluster : lent;
      for (let i = 0; i < pods; i++) {
        time.after(this.#random.below(troubleMs / 2), () => this.#createPod(cluster, i));
      }
    }
    const relabelling = randomStream(seed, 'relabelling');
    this.#again(3_000, () => {
      this.#relabel(pick(relabelling, clusters), relabelling);
      return 1_000 + relabelling.below(4_000);
    });
    const intruder = randomStream(seed, 'intruder');
    this.#again(intruder.below(2 * intrusionMs), () => {
      this.#intrude(intruder);
      return intruder.below(2 * intrusionMs);
    });
  }

  /** A user's own pod, or a guest: evicted. */
  deletePod({ name, api }: ModelCluster, guest: boolean): void {
    const { options, inForce, time } = this.#world;
    // A user who deletes a ReplicaSet's pod wants the next one at once, whatever the policy.
    const replacedAtOnce = (pod: Pod): boolean =>
      options.partition !== undefined && !guest && !isStateful(pod);
    const pods = [...api.pods()].filter((pod) => isShadow(pod) === guest && !replacedAtOnce(pod));
    if (pods.length === 0) return;
    const pod = pick(this.#random, pods);
    const graceSeconds = this.#random.below(2) === 0 ? 1 : 30;
    const kind = guest ? 'eviction' : 'user deletes';
    if (!this.#world.happens(kind) || !api.isUp) return;
    this.#world.say(`${name}: ${guest ? 'evicts' : 'user deletes'} ${pod.metadata.uid}`);
    time.after(deletionMs, inForce.begin(kind, [name]));
    api.delete(refOf(pod), graceSeconds);
  }

  /** `act` returns when it is next. */
  #again(ms: number, act: () => number): void {
    const { time, options } = this.#world;
    time.after(ms, () => {
      if (time.now < options.troubleMs) this.#again(act(), act);
    });
  }

  #createPod({ name, api }: ModelCluster, i: number): void {
    const { rivals, partition } = this.#world.options;
    const random = this.#random;
    const named = !rivals || random.below(2) === 0;
    const ends = random.below(3) === 0;
    const runMs = ends ? { [runMsAnnotation]: `${2_000 + random.below(20_000)}` } : {};
    const owned = random.below(2) === 0;
    const ownedBy = (kind: string) => ({
      ownerReferences: [{ apiVersion: 'v1', kind, name: 'r', uid: 'r', controller: true }],
    });
    const cpu = pick(random, ['500m', '1', '1500m']);
    const pod: Pod = {
      metadata: {
        name: `p${i}`,
        namespace: 'default',
        annotations: {
          ...runMs,
          ...(partition && { [copyOfAnnotation]: `${name}/p${i}` }),
        },
        ...(owned && ownedBy('ReplicaSet')),
        ...(partition && !owned && ownedBy('StatefulSet')),
      },
      spec: {
        ...(partition === 'fence' && { tolerations: [{ operator: 'Exists' }] }),
        schedulerName: named ? wellKnown.schedulerName : 'default-scheduler',
        containers: [{ name: 'c', resources: { requests: { cpu } } }],
      },
    };
    api.whenUp(() => this.#world.say(`${name}: user creates ${api.create(pod)?.metadata.uid}`));
  }

  /** A user changes a label of a pod, be it away or not. */
  #relabel({ name, api }: ModelCluster, random: Random): void {
    const pods = [...api.pods()].filter((pod) => !isShadow(pod) && !isEnded(pod));
    const pod = pods[random.below(Math.max(1, pods.length))];
    if (pod === undefined || !api.isUp) return;
    this.#world.say(`${name}: user relabels ${pod.metadata.uid}`);
    const labels = { [relabelled]: `${this.#world.time.now}` };
    api.patch(refOf(pod), { metadata: { labels, annotations: {} } });
  }

  /** Somebody else binds a waiting pod to a virtual node, with the seal of a pod that is away, if there is one. */
  #intrude(random: Random): void {
    const { clusters } = this.#world;
    const { name, api } = pick(random, clusters);
    const pods = [...api.pods()].filter((pod) => !isShadow(pod));
    const waiting = pods.filter(({ spec }) => !spec.nodeName);
    const pod = waiting[random.below(Math.max(1, waiting.length))];
    const host = pick(
      random,
      clusters.filter((other) => other.name !== name),
    );
    if (pod === undefined || !api.isUp) return;
    const { boundByAnnotation } = wellKnown;
    const seal = pods.find(({ metadata }) => metadata.annotations?.[boundByAnnotation]);
    const copied = seal?.metadata.annotations?.[boundByAnnotation] ?? '';
    this.#world.say(`${name}: somebody else binds ${pod.metadata.uid} to ${host.name}`);
    api.bind(refOf(pod), virtualNodeName(host.name), { [boundByAnnotation]: copied });
  }
}
