/** What must hold in a simulated world once the faults have ended. */
import { type Pod, virtualNodeName, wellKnown } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { isEnded } from '../cluster/api-server.ts';
import { cpuUsed, isVirtual } from '../cluster/kubelets.ts';
import { isShadow, type ModelCluster, relabelled } from './model-world.ts';
import { first } from './safety.ts';
import type { ModelWorld } from './world.ts';

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
    const used = cpuUsed(api, node);
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
