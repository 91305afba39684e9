/**
 * The audit: whether what must always hold did hold, judged by the API servers' watch histories alone.
 * Nothing that an agent says counts. Run it when all is settled and before anything is torn down.
 */
import { type Pod, wellKnown } from '@spillway/core';
import type { Change, History } from '../observation/histories.ts';
import { defaultScheduler } from '../observation/settled.ts';
import { hostOf, isFinished, isShadow } from '../observation/tally.ts';
import { copiesOf, type Copy } from './copies.ts';
import { findOvercommits, type Overcommit } from './overcommit.ts';

/** One fault, with all that is needed to find it in the histories. */
export interface Finding {
  readonly cluster: string;
  readonly pod: string;
  readonly uid: string;
  readonly what: string;
}

export interface AuditReport {
  /** Pods that users or controllers made. */
  readonly podsChecked: number;
  /** Pods that nobody is responsible for. */
  readonly lost: readonly Finding[];
  /** Pods of which two copies ran at one time. */
  readonly doubled: readonly Finding[];
  /** Nodes that a pod of Spillway's placing put above their allocatable. */
  readonly overcommittedNodes: readonly Overcommit[];
  /** Shadows whose home pod is gone or has ended. */
  readonly orphans: readonly Finding[];
}

/**
 * How much later the observer may learn of a change in one cluster than of one at the same moment in
 * another. If two copies overlap for less than this, the cause is the observer, and not the agents.
 */
export const observationSkewMs = 25;

export function audit(histories: readonly History[]): AuditReport {
  const last = new Map(histories.map(({ cluster, changes }) => [cluster, lastStates(changes)]));
  return {
    podsChecked: [...last.values()].reduce((sum, pods) => sum + ownPods(pods).length, 0),
    lost: [...last].flatMap(([cluster, pods]) =>
      ownPods(pods).flatMap((pod) => lostBecause(cluster, pod, last) ?? []),
    ),
    doubled: doubledIn(histories),
    overcommittedNodes: histories.flatMap((history) => findOvercommits(history, last)),
    orphans: [...last].flatMap(([cluster, pods]) =>
      [...pods.values()].flatMap((pod) => orphanedBecause(cluster, pod, last) ?? []),
    ),
  };
}

export function isClean(report: AuditReport): boolean {
  const { lost, doubled, overcommittedNodes, orphans } = report;
  return lost.length + doubled.length + overcommittedNodes.length + orphans.length === 0;
}

type Last = ReadonlyMap<string, ReadonlyMap<string, Pod | undefined>>;

/** By UID: the last state of each pod that ever was; undefined once deleted. */
function lastStates(changes: readonly Change[]): ReadonlyMap<string, Pod | undefined> {
  const last = new Map<string, Pod | undefined>();
  for (const change of changes) {
    if (change.kind !== 'Pod') continue;
    last.set(change.object.metadata.uid ?? '', change.type === 'set' ? change.object : undefined);
  }
  return last;
}

function ownPods(pods: ReadonlyMap<string, Pod | undefined>): readonly Pod[] {
  return [...pods.values()].filter((pod) => pod !== undefined && !isShadow(pod)) as Pod[];
}

/** Those that a run may have. */
const schedulers: ReadonlySet<string> = new Set([defaultScheduler, wellKnown.schedulerName]);

/** A pod is pending with a reason, running, finished, or on its way out; else it is lost. */
function lostBecause(cluster: string, pod: Pod, last: Last): Finding | undefined {
  if (isFinished(pod)) return undefined;
  if (!pod.spec.nodeName) {
    // Whose it is waits for a scheduler that none of the clusters has.
    if (!schedulers.has(pod.spec.schedulerName ?? defaultScheduler)) return undefined;
    const reason = pod.status?.conditions?.find(
      ({ type, status }) => type === 'PodScheduled' && status === 'False',
    );
    return reason?.message ? undefined : finding(cluster, pod, 'is pending and nothing says why');
  }
  const host = hostOf(pod, last);
  if (host === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
  const shadow = [...(last.get(host)?.values() ?? [])].find(
    (each) => each?.metadata.labels?.[wellKnown.homeUidLabel] === pod.metadata.uid,
  );
  if (shadow === undefined)
    return finding(cluster, pod, `is bound to ${host}, where nothing runs for it`);
  if (!shadow.spec.nodeName)
    return finding(cluster, pod, `is bound to ${host}, where its shadow has no node`);
  if (isFinished(shadow))
    return finding(
      cluster,
      pod,
      `ended at ${host} (${shadow.status?.phase}), and its home does not know`,
    );
  return undefined;
}

function orphanedBecause(
  cluster: string,
  shadow: Pod | undefined,
  last: Last,
): Finding | undefined {
  if (shadow === undefined || !isShadow(shadow) || isFinished(shadow)) return undefined;
  if (shadow.metadata.deletionTimestamp !== undefined) return undefined;
  const { [wellKnown.homeLabel]: home = '', [wellKnown.homeUidLabel]: uid = '' } =
    shadow.metadata.labels ?? {};
  const owner = last.get(home)?.get(uid);
  if (owner === undefined) return finding(cluster, shadow, `its pod at ${home} does not exist`);
  if (isFinished(owner))
    return finding(cluster, shadow, `its pod at ${home} has ended (${owner.status?.phase})`);
  if (hostOf(owner, last) !== cluster)
    return finding(
      cluster,
      shadow,
      `its pod at ${home} is bound to ${owner.spec.nodeName || 'nothing'}`,
    );
  return undefined;
}

function doubledIn(histories: readonly History[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const copies of copiesOf(histories).values()) {
    const sorted = [...copies].sort((a, b) => a.fromMs - b.fromMs);
    for (const [i, later] of sorted.entries()) {
      const earlier = sorted
        .slice(0, i)
        .find((each) => each.toMs - later.fromMs > observationSkewMs);
      if (earlier !== undefined) findings.push(overlap(earlier, later));
    }
  }
  return findings;
}

function overlap(earlier: Copy, later: Copy): Finding {
  const ms = Math.min(earlier.toMs, later.toMs) - later.fromMs;
  const what = `ran at ${earlier.cluster} and at ${later.cluster} at once, ${ms === Number.POSITIVE_INFINITY ? 'forever' : `for ${Math.round(ms)} ms`}`;
  return finding(later.cluster, later.pod, what);
}

function finding(cluster: string, { metadata }: Pod, what: string): Finding {
  const { namespace = '', name = '', uid = '' } = metadata;
  return { cluster, pod: `${namespace}/${name}`, uid, what };
}
