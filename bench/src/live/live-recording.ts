/** What users saw of their pods, from what the API servers said; as the simulator's recorder writes it. */
import { type PodUid, wellKnown } from '@spillway/core';
import {
  appLabel,
  nodeNameOf,
  type PodRecord,
  type Trial,
  trialNamespace,
} from '@spillway/simulator';
import type { History, PodChange } from '../observation/histories.ts';
import { clusterNames, hostOf, isFinished, isShadow } from '../observation/tally.ts';

interface Place {
  readonly host: number;
  readonly node: number;
}

/** `startedMs`: when the trial began, on the histories' clock. What happened before is left out. */
export function podRecords(
  trial: Trial,
  histories: readonly History[],
  startedMs: number,
): readonly PodRecord[] {
  const places = placesOf(trial);
  const clusters = clusterNames(histories);
  const apps = new Map(trial.apps.map(({ name }, i) => [name, i]));
  const records = new Map<PodUid, PodRecord>();
  const asked = new Set<PodUid>();
  for (const change of inOrder(trial, histories, startedMs)) {
    const { object: pod, type, cluster } = change;
    const atMs = change.atMs - startedMs;
    if (isShadow(pod)) {
      const uid = pod.metadata.labels?.[wellKnown.homeUidLabel] as PodUid;
      const record = records.get(uid);
      const { nodeName } = pod.spec;
      if (record !== undefined && type === 'set' && nodeName)
        bound(record, places.get(nodeName), atMs);
      continue;
    }
    const app = apps.get(pod.metadata.labels?.[appLabel] ?? '');
    if (app === undefined || pod.metadata.namespace !== trialNamespace) continue;
    const uid = pod.metadata.uid as PodUid;
    let record = records.get(uid);
    if (record === undefined) {
      if (type === 'deleted') continue;
      record = blank(app, homeOf(trial, app, cluster), atMs);
      records.set(uid, record);
    }
    if (pod.metadata.deletionTimestamp !== undefined) asked.add(uid);
    if (pod.spec.nodeName && hostOf(pod, clusters) === undefined) {
      bound(record, places.get(pod.spec.nodeName), atMs);
    }
    if (pod.status?.phase === 'Running') record.runningMs ??= atMs;
    if (type === 'deleted' || isFinished(pod)) record.endedMs ??= atMs;
    if (pod.status?.phase === 'Failed' && !asked.has(uid)) record.evicted = true;
  }
  return [...records.values()];
}

function* inOrder(
  trial: Trial,
  histories: readonly History[],
  startedMs: number,
): Iterable<PodChange & { readonly cluster: number }> {
  const indices = new Map(trial.clusters.map(({ name }, i) => [name, i]));
  const changes = histories.flatMap(({ cluster: name, changes: all }) => {
    const cluster = indices.get(name);
    if (cluster === undefined) return [];
    return all.flatMap((change) =>
      change.kind === 'Pod' && change.atMs >= startedMs ? [{ ...change, cluster }] : [],
    );
  });
  yield* changes.sort((a, b) => a.atMs - b.atMs);
}

function bound(record: PodRecord, place: Place | undefined, atMs: number): void {
  if (record.boundMs !== undefined) return;
  record.boundMs = atMs;
  record.host = place?.host;
  record.node = place?.node;
}

function blank(app: number, home: number, createdMs: number): PodRecord {
  return {
    app,
    home,
    createdMs,
    boundMs: undefined,
    runningMs: undefined,
    host: undefined,
    node: undefined,
    endedMs: undefined,
    evicted: false,
  };
}

function homeOf({ apps, rttMs }: Trial, app: number, cluster: number): number {
  const homes = apps[app]?.homes ?? [];
  if (homes.includes(cluster)) return cluster;
  return homes.reduce((a, b) => (rttMs(b, cluster) < rttMs(a, cluster) ? b : a), homes[0] ?? 0);
}

function placesOf({ clusters }: Trial): ReadonlyMap<string, Place> {
  return new Map(
    clusters.flatMap(({ name, nodes }, host) =>
      nodes.map((_, node): [string, Place] => [nodeNameOf(name, node), { host, node }]),
    ),
  );
}
