/** Agents that crash, links that are cut, pods that are deleted, virtual nodes that are lost: until the calm. */
import { type ClusterName, type Random, virtualNodeName } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { isEnded } from '../cluster/api-server.ts';
import { calm, storm } from '../network/network.ts';
import { type ModelCluster, pick, type World } from './model-world.ts';
import type { Users } from './users.ts';

const evictionGraceSeconds = 30;
/** For how long the loss of a virtual node counts as in force. */
const lostNodeMs = 1_000;
/** Creations that fail as far as anybody can tell, and happen all the same. */
const writeStorm = { ...storm, writeFailure: 0.3 };

export class Trouble {
  readonly #world: World;
  readonly #random: Random;
  readonly #users: Users;
  #cuts: (() => void)[] = [];

  constructor(world: World, random: Random, users: Users) {
    this.#world = world;
    this.#random = random;
    this.#users = users;
  }

  begin(): void {
    const { time, network, options, clusters, inForce } = this.#world;
    const { troubleMs } = options;
    if (this.#world.happens('storm')) {
      network.weather = options.partition ? writeStorm : storm;
      const everywhere = clusters.map(({ name }) => name);
      time.after(troubleMs, inForce.begin('storm', everywhere));
    }
    const again = (): void => {
      if (time.now >= troubleMs) return;
      this.#somethingHappens();
      time.after(200 + this.#random.below(3_000), again);
    };
    time.after(2_000, again);
    time.after(troubleMs, () => {
      network.weather = calm;
      this.#heal();
      this.#world.say('calm');
    });
  }

  #somethingHappens(): void {
    const { clusters, options, lives } = this.#world;
    const cluster = pick(this.#random, clusters);
    const other = pick(this.#random, clusters);
    if (options.partition !== undefined && this.#random.below(4) === 0) {
      if (this.#world.happens('lost node')) this.#loseNode(cluster, other.name);
      return;
    }
    const chance = this.#random.below(10);
    if (chance < 3) {
      if (!this.#world.happens('crash') || cluster.agent === undefined) return;
      this.#world.say(`crash ${cluster.name}`);
      lives.crash(cluster);
    } else if (chance < 5 && other !== cluster) this.#cut(cluster, other, chance === 3);
    else if (chance < 7) {
      this.#world.say('heal');
      this.#heal();
    } else this.#users.deletePod(cluster, chance === 9);
  }

  #heal(): void {
    this.#world.network.heal();
    for (const over of this.#cuts.splice(0)) over();
  }

  #cut(from: ModelCluster, to: ModelCluster, bothWays: boolean): void {
    const { network, inForce } = this.#world;
    if (!this.#world.happens('cut')) return;
    this.#world.say(`cut ${from.name} > ${to.name}`);
    network.cut(from.name, to.name);
    if (bothWays) network.cut(to.name, from.name);
    this.#cuts.push(inForce.begin('cut', [from.name, to.name]));
  }

  /** Kubernetes hears nothing of a virtual node for long, for whatever reason: it evicts who does not tolerate that. */
  #loseNode({ name, api }: ModelCluster, neighbour: ClusterName): void {
    if (!api.isUp) return;
    const { time, inForce } = this.#world;
    this.#world.say(`${name}: the node of ${neighbour} is lost`);
    time.after(lostNodeMs, inForce.begin('lost node', [name]));
    const there = [...api.pods()].filter(
      (pod) => pod.spec.nodeName === virtualNodeName(neighbour) && !isEnded(pod),
    );
    for (const pod of there) {
      if (!pod.spec.tolerations) api.delete(refOf(pod), evictionGraceSeconds);
    }
  }
}
