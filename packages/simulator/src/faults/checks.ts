/** What must hold in a simulated world: at every step, and once the faults have ended. */
import { type ClusterName, type Pod, virtualNodeName, wellKnown } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { modelSeals } from '../agent/model-seals.ts';
import { isEnded } from '../cluster/api-server.ts';
import { cpuAllocatable, cpuUsed, isVirtual } from '../cluster/kubelets.ts';
import { copyOfAnnotation } from './controllers.ts';
import { isShadow, type ModelCluster, relabelled } from './model-world.ts';
import type { ModelWorld } from './world.ts';

/** The first broken invariant, in words. Cheap while nothing has been written. */
export function safetyChecker(world: ModelWorld): () => string | undefined {
  const checked = new Map<ClusterName, number>();
  return () => {
    const changed = world.clusters.filter(({ name, api }) => checked.get(name) !== api.version);
    if (changed.length === 0) return undefined;
    for (const { name, api, agent } of changed) {
      checked.set(name, api.version);
      // It asserts that no pod is in two states.
      agent?.home.podStates();
    }
    const copies = world.promisesOneCopy ? overlapping(world) : undefined;
    const broken = doubled(world) ?? unasked(world) ?? copies;
    return broken ?? first(changed, overcommitted);
  };
}

/** What keeps the world from being settled; undefined when all is as it should be for good. */
export function unsettled(world: ModelWorld): string | undefined {
  return first(world.clusters, (cluster) => {
    const { agent, api, name } = cluster;
    if (!agent?.synced) return `${name} has no agent`;
    const { held } = agent.host.counts();
    if (held > 0) return `${name} holds ${held} slots`;
    const { unanswered } = agent.home.counts();
    if (unanswered > 0) return `${name} counts ${unanswered} pods whose commits are not answered`;
    for (const pod of api.pods()) {
      const problem = isShadow(pod)
        ? strayShadow(world, cluster, pod)
        : lostPod(world, cluster, pod);
      if (problem !== undefined) return `${name}: ${pod.metadata.uid} ${problem}`;
    }
    return miscounted(cluster) ?? remembered(cluster);
  });
}

function doubled(world: ModelWorld): string | undefined {
  const copies = new Map<string, string>();
  for (const { name, api } of world.clusters) {
    for (const pod of api.pods()) {
      const { nodeName } = pod.spec;
      if (!nodeName || isEnded(pod) || isVirtual(nodeName)) continue;
      const key = pod.metadata.labels?.[wellKnown.homeUidLabel] ?? pod.metadata.uid ?? '';
      const where = copies.get(key);
      if (where !== undefined) return `${key} runs twice: at ${where} and ${name}`;
      copies.set(key, name);
    }
  }
  return undefined;
}

/** A shadow of a pod that its home's agent has not bound there. */
function unasked(world: ModelWorld): string | undefined {
  return first(world.clusters, ({ name, api }) =>
    first(api.pods(), (shadow) => {
      if (!isShadow(shadow)) return undefined;
      const { labels } = shadow.metadata;
      const home = world.clusters.find((each) => each.name === labels?.[wellKnown.homeLabel]);
      const pod = home?.api.pod(
        labels?.[wellKnown.homeNamespaceLabel] ?? '',
        shadow.metadata.name ?? '',
      );
      const same = pod?.metadata.uid === labels?.[wellKnown.homeUidLabel];
      if (home === undefined || pod === undefined || !same) return undefined;
      return modelSeals(home.name).holds(pod, name)
        ? undefined
        : `${pod.metadata.uid} runs at ${name}, where its agent did not bind it`;
    }),
  );
}

/**
 * Of pods that stand for one another no two may run, under `fence`: by what their kubelets run, which is
 * more than what the API servers know of.
 */
export function overlapping(world: ModelWorld): string | undefined {
  const copies = new Map<string, string>();
  for (const { name, kubelets } of world.clusters) {
    for (const { metadata } of kubelets.running.values()) {
      const copyOf = metadata.annotations?.[copyOfAnnotation];
      if (copyOf === undefined) continue;
      const here = `${metadata.namespace}/${metadata.name} (${metadata.uid}) at ${name}`;
      const other = copies.get(copyOf);
      if (other !== undefined) return `two copies of ${copyOf} run: ${other}, and ${here}`;
      copies.set(copyOf, here);
    }
  }
  return undefined;
}

/** Of two schedulers that fill one node at once, one loses at the kubelet; alone, ours never overfills. */
function overcommitted({ api, kubelets }: ModelCluster): string | undefined {
  return first(api.nodes, ({ metadata: { name = '' } }) => {
    if (isVirtual(name)) return undefined;
    let contested = false;
    const bound = cpuUsed(api, name, (pod) => {
      contested ||= pod.spec.schedulerName !== wellKnown.schedulerName && !isShadow(pod);
      return true;
    });
    // A node that comes back has yet to start again what its API server calls running.
    const running = cpuUsed(api, name, (pod) => kubelets.running.has(refOf(pod).uid));
    const allocatable = cpuAllocatable(api, name);
    if (running > allocatable) return `${name} runs ${running}m of ${allocatable}m`;
    if (bound > allocatable && !contested) return `${name} has ${bound}m of ${allocatable}m bound`;
    return undefined;
  });
}

function strayShadow(world: ModelWorld, at: ModelCluster, shadow: Pod): string | undefined {
  const { labels } = shadow.metadata;
  const home = world.clusters.find(({ name }) => name === labels?.[wellKnown.homeLabel]);
  const pod = home?.api.pod(
    labels?.[wellKnown.homeNamespaceLabel] ?? '',
    shadow.metadata.name ?? '',
  );
  if (pod?.metadata.uid !== labels?.[wellKnown.homeUidLabel]) return 'is an orphan';
  if (pod?.spec.nodeName !== virtualNodeName(at.name)) return 'is of a pod that is elsewhere';
  if (isEnded(pod) && !isEnded(shadow)) return `outlives its pod, ${pod.status?.phase}`;
  if (pod.status?.phase !== shadow.status?.phase) return 'has another phase than its pod';
  if (!isEnded(pod) && pod.metadata.labels?.[relabelled] !== labels?.[relabelled]) {
    return 'has another label than its pod';
  }
  return undefined;
}

function lostPod(world: ModelWorld, at: ModelCluster, pod: Pod): string | undefined {
  const { namespace = '', name = '', deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return 'is still being deleted';
  if (isEnded(pod)) {
    return pod.status?.phase === 'Failed' && !pod.status.reason
      ? 'failed for no reason'
      : undefined;
  }
  const { nodeName } = pod.spec;
  const why = at.agent?.home.explain(namespace, name);
  if (!nodeName) {
    if (why?.state !== 'waiting') return 'waits and nobody is responsible';
    const unnamed = world.clusters.find(
      (other) => other !== at && !why.message.includes(`${other.name}: `),
    );
    return unnamed && `waits, and ${unnamed.name} is not in: ${why.message}`;
  }
  if (!isVirtual(nodeName)) {
    return pod.status?.phase === 'Running' ? undefined : 'is bound but does not run';
  }
  if (why?.state !== 'away') return 'is away and nobody is responsible';
  const host = world.clusters.find((cluster) => virtualNodeName(cluster.name) === nodeName);
  const shadow = [...(host?.api.pods() ?? [])].find(
    ({ metadata }) => metadata.labels?.[wellKnown.homeUidLabel] === refOf(pod).uid,
  );
  if (shadow?.status?.phase === 'Running') return undefined;
  // A bare pod that its host has no room for waits, and its owner has been told.
  return why.phase === 'committing' && !pod.metadata.ownerReferences
    ? undefined
    : 'is away but does not run';
}

/** The ledger counts what the API server has, and no promise is left in it. */
function miscounted({ name, api, agent }: ModelCluster): string | undefined {
  return first(api.nodes, ({ metadata: { name: node = '' } }) => {
    const counted = agent?.ledger.snapshot.node(node as never)?.requested.milliCpu ?? 0;
    const used = cpuUsed(api, node, () => true);
    return counted === used ? undefined : `${name} counts ${counted}m on ${node}, not ${used}m`;
  });
}

/** A pod that is no more leaves nothing behind in its home's memory. */
function remembered({ name, api, agent }: ModelCluster): string | undefined {
  const nodes = new Set([...api.pods()].map(({ spec }) => spec.nodeName));
  return first(agent?.home.hosts() ?? [], (host) =>
    nodes.has(virtualNodeName(host)) ? undefined : `${name} has no pod at ${host}, but thinks so`,
  );
}

function first<Item>(
  items: Iterable<Item>,
  problem: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
