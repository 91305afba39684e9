/**
 * What an agent asks of its driver, and how it ends. The driver performs each piece of work once and says
 * how it ended; the machines decide what is tried again, and when.
 */
import { type ClusterName, type Fault, type Pod, type PodUid, unreachable } from '@spillway/core';
import {
  type BindOutcome,
  type CommitResult,
  type CreateOutcome,
  type HomeEffect,
  type HomeEvent,
  type HostEffect,
  type HostEvent,
  type PatchOutcome,
  type ReserveAnswer,
  type TryOutcome,
  type TryResult,
  type UpdateResult,
  type VirtualNodeState,
} from '@spillway/federation';
import type { Lane } from './outbox.ts';

type HomeNotice = 'giveBack' | 'explain' | 'tell';
export type HomeWork = Exclude<HomeEffect, { kind: HomeNotice }>;
export type HostWork = Extract<
  HostEffect,
  { kind: 'createShadow' | 'tryShadow' | 'patchShadow' | 'deleteShadow' }
>;
/** Virtual nodes. */
export type NodeWork =
  | { readonly kind: 'keepNode'; readonly state: VirtualNodeState }
  | { readonly kind: 'removeNode'; readonly cluster: ClusterName };
export type Work = HomeWork | HostWork | NodeWork;
export type WorkOf<Kind extends Work['kind']> = Extract<Work, { kind: Kind }>;
/** What is asked of a neighbour. */
export type CallWork = WorkOf<keyof typeof callDeadlineMs>;

type Gone = 'ok' | 'gone';

/** What each kind of work ends with when it does not fail. */
export interface WorkValues {
  readonly bindLocally: Exclude<BindOutcome, 'refused' | 'failed'>;
  readonly bindAway: Exclude<BindOutcome, 'refused' | 'failed'>;
  readonly bindVolumes: 'ok';
  readonly preempt: 'ok';
  readonly unnominate: Gone;
  readonly writeStatus: Gone;
  readonly finalize: Gone;
  readonly evict: Gone;
  /** The pod as the API server has it; undefined when there is none. */
  readonly checkOrphan: Pod | undefined;
  readonly reserve: ReserveAnswer;
  readonly try: readonly TryResult[];
  readonly commit: readonly CommitResult[];
  readonly update: readonly UpdateResult[];
  readonly release: 'ok';
  readonly createShadow: CreateOutcome;
  readonly tryShadow: TryOutcome;
  readonly patchShadow: PatchOutcome;
  readonly deleteShadow: 'ok';
  readonly keepNode: 'ok';
  readonly removeNode: 'ok';
}

/** `failed`: it may still have taken effect. */
export type Ended =
  | {
      [Kind in keyof WorkValues]: { readonly kind: Kind; readonly value: WorkValues[Kind] };
    }[keyof WorkValues]
  | { readonly kind: 'failed'; readonly fault: Fault };

/** How long the driver waits for an answer of a neighbour (ms). */
export const callDeadlineMs = Object.freeze({
  reserve: 5_000,
  /** A guest namespace may have to be made first. Less than a host holds what it has granted. */
  try: 8_000,
  commit: 15_000,
  update: 15_000,
  release: 10_000,
});

const lanes: Readonly<Record<Work['kind'], Lane>> = {
  bindLocally: 'bind',
  bindAway: 'bind',
  bindVolumes: 'bind',
  preempt: 'write',
  unnominate: 'write',
  writeStatus: 'write',
  finalize: 'write',
  evict: 'write',
  checkOrphan: 'call',
  reserve: 'call',
  try: 'call',
  commit: 'call',
  update: 'call',
  release: 'call',
  createShadow: 'create',
  tryShadow: 'try',
  patchShadow: 'create',
  deleteShadow: 'delete',
  keepNode: 'node',
  removeNode: 'node',
};

export function laneOf({ kind }: Work): Lane {
  return lanes[kind];
}

export function isCallWork(work: Work): work is CallWork {
  return work.kind in callDeadlineMs;
}

export function isHostWork(effect: Work | HostEffect): effect is HostWork {
  return effect.kind.endsWith('Shadow');
}

export function isHomeWork(effect: HomeEffect): effect is HomeWork {
  return effect.kind in lanes;
}

/** What the home machine is told; undefined where nothing follows from it. */
export function homeEventOf(work: HomeWork, ended: Ended): HomeEvent | undefined {
  switch (work.kind) {
    case 'bindLocally':
    case 'bindAway': {
      const outcome = valueOf(work, ended) ?? (isRefusal(ended) ? 'refused' : 'failed');
      const kind = work.kind === 'bindAway' ? 'boundAway' : 'boundLocally';
      return { kind, uid: work.ref.uid, outcome };
    }
    case 'bindVolumes':
      return {
        kind: 'volumesWritten',
        uid: work.ref.uid,
        outcome: valueOf(work, ended) ?? 'failed',
      };
    case 'preempt':
      return { kind: 'preempted', uid: work.ref.uid, outcome: valueOf(work, ended) ?? 'failed' };
    case 'unnominate':
      return undefined;
    case 'writeStatus':
      return {
        kind: 'statusWritten',
        uid: work.ref.uid,
        outcome: valueOf(work, ended) ?? 'failed',
      };
    case 'finalize':
      return { kind: 'finalized', uid: work.ref.uid, outcome: valueOf(work, ended) ?? 'failed' };
    case 'evict':
      return { kind: 'evicted', uid: work.ref.uid, outcome: valueOf(work, ended) ?? 'failed' };
    case 'checkOrphan': {
      // The machine asks again when there is no answer.
      if (ended.kind !== 'checkOrphan') return undefined;
      return { kind: 'orphanChecked', host: work.host, ref: work.ref, pod: ended.value };
    }
    case 'reserve':
    case 'try':
    case 'commit':
    case 'update':
    case 'release':
      return callEnded(work, ended);
    default:
      return unreachable(work);
  }
}

type HostCall = Extract<HomeWork, { kind: keyof typeof callDeadlineMs }>;

function callEnded(work: HostCall, ended: Ended): HomeEvent | undefined {
  const code = ended.kind === 'failed' ? ended.fault.code : undefined;
  const { host } = work;
  switch (work.kind) {
    case 'reserve': {
      const answer = valueOf(work, ended);
      const { requestId } = work.request;
      const problem = code && { problem: `could not be asked (${code})` };
      return { kind: 'reserved', requestId, host, answer, ...problem };
    }
    case 'try': {
      const results = valueOf(work, ended);
      const failed = code && { unable: code === 'Unimplemented', problem: code };
      return { kind: 'tried', tryId: work.tryId, host, results, ...failed };
    }
    case 'commit': {
      const uids = work.request.pods.map(({ metadata }) => metadata.uid as PodUid);
      const results = valueOf(work, ended);
      return { kind: 'committed', host, uids, results, ...(code && { problem: code }) };
    }
    case 'update': {
      const { pods } = work.request;
      const unable = code && { unable: code === 'Unimplemented' };
      return { kind: 'updated', host, pods, results: valueOf(work, ended), ...unable };
    }
    case 'release': {
      if (work.guests.length === 0) return undefined;
      const guests = work.guests.map(({ uid }) => uid);
      return { kind: 'released', host, guests, outcome: valueOf(work, ended) ?? 'failed' };
    }
    default:
      return unreachable(work);
  }
}

export function hostEventOf(work: HostWork, ended: Ended): HostEvent {
  const failed = { kind: 'failed', reason: 'its API server could not be asked' } as const;
  switch (work.kind) {
    case 'createShadow': {
      const reason = ended.kind === 'failed' ? ended.fault.message : failed.reason;
      const outcome = valueOf(work, ended) ?? { kind: 'failed', reason };
      return { kind: 'created', guest: work.guest, outcome };
    }
    case 'tryShadow':
      return { kind: 'tried', id: work.id, outcome: valueOf(work, ended) ?? failed };
    case 'patchShadow':
      return { kind: 'patched', guest: work.guest, outcome: valueOf(work, ended) ?? failed };
    case 'deleteShadow':
      return {
        kind: 'deleted',
        guest: work.guest,
        shadowUid: work.shadowUid,
        outcome: valueOf(work, ended) ?? 'failed',
      };
    default:
      return unreachable(work);
  }
}

/** Undefined when it failed. */
function valueOf<Kind extends Work['kind']>(
  work: { readonly kind: Kind },
  ended: Ended,
): WorkValues[Kind] | undefined {
  if (ended.kind !== work.kind) return undefined;
  return ended.value as WorkValues[Kind];
}

/** Whether the API server has said no, so that nothing has happened. */
function isRefusal(ended: Ended): boolean {
  if (ended.kind !== 'failed') return false;
  return ended.fault.code === 'PermissionDenied' || ended.fault.code === 'InvalidInput';
}
