/**
 * Random events, in any order: what the watch shows, answers to what the home asked for, answers to nothing,
 * and hosts that say anything. The asserts of the machine are what is tested.
 */
import {
  type Pod,
  type PodStatus,
  type PodUid,
  type ReservationId,
  unreachable,
  wellKnown,
} from '@spillway/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CommitResult, GuestUpdate } from '../negotiation.ts';
import { cluster, node, podOf, sealedAt } from '../testing/fixtures.ts';
import { nearest } from '../policy/policy.ts';
import { homeOf, policyOf } from '../testing/home.ts';
import { type HomeEffect, type HomeEvent, refOf } from './events.ts';

const hosts = [cluster('near'), cluster('far')] as const;
const owner = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: 'web',
  uid: 'rs',
  controller: true,
};
const fence = { [wellKnown.partitionAnnotation]: 'fence' };
const verdict = { code: 'UnschedulableAndUnresolvable', reason: 'quota', stage: 'Test' } as const;
const unschedulable = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };

const hostPath = { name: 'data', hostPath: { path: '/data' } };
const staysAtHome: Pod = { ...podOf('e'), spec: { ...podOf('e').spec, volumes: [hostPath] } };

const pods: readonly Pod[] = [
  staysAtHome,
  podOf('a'),
  podOf('b', { metadata: { ownerReferences: [owner] } }),
  podOf('c', { metadata: { annotations: fence } }),
  podOf('d', {
    schedulerName: 'default-scheduler',
    status: { phase: 'Pending', conditions: [unschedulable] },
  }),
];

const statuses: readonly PodStatus[] = [
  { phase: 'Pending' },
  { phase: 'Running', startTime: '2026-11-27T10:00:00Z' },
  { phase: 'Succeeded' },
  { phase: 'Failed', reason: 'Evicted', message: 'evicted' },
];

const pick = <Item>(items: readonly Item[]): fc.Arbitrary<Item> => fc.constantFrom(...items);
const pod = pick(pods);
const host = pick(hosts);
const uid = pod.map((each) => refOf(each).uid);
const status = pick(statuses);
const outcome = pick(['ok', 'gone', 'failed'] as const);
const bindOutcome = pick(['bound', 'taken', 'gone', 'failed'] as const);

/** The pod as the watch may show it. */
const watched = fc
  .record({ pod, host, status, node: pick(['', '', 'n', 'sealed', 'foreign']), ends: fc.boolean() })
  .map(({ pod: base, host: at, status: now, node: where, ends }) => {
    const bound =
      where === 'sealed'
        ? sealedAt(base, at)
        : where === 'foreign'
          ? { ...base, spec: { ...base.spec, nodeName: `spillway-${at}` } }
          : { ...base, spec: { ...base.spec, ...(where && { nodeName: where }) } };
    const metadata = { ...bound.metadata, ...(ends && { deletionTimestamp: 'now' }) };
    return { ...bound, metadata, ...(where !== '' && { status: now }) };
  });

const update: fc.Arbitrary<GuestUpdate> = fc.oneof(
  fc.record({ pod, status, terminating: fc.boolean() }).map(({ pod: each, ...said }) => ({
    kind: 'status' as const,
    ...refOf(each),
    ...said,
  })),
  fc.record({ uid, lastStatus: fc.option(status, { nil: undefined }) }).map((said) => ({
    kind: 'gone' as const,
    uid: said.uid,
    reason: 'GuestEnded',
    message: 'ended',
    ...(said.lastStatus && { lastStatus: said.lastStatus }),
  })),
  fc.constant({ kind: 'synced' as const }),
);

const result: fc.Arbitrary<CommitResult> = fc
  .record({ uid, outcome: pick(['created', 'refused', 'ended'] as const) })
  .map(({ uid: of, outcome: how }) => ({ uid: of, outcome: how, verdict, reason: 'ended' }));

const answerOf: fc.Arbitrary<Answering> = fc.record({
  outcome,
  bindOutcome,
  granted: fc.nat(3),
  answers: fc.boolean(),
  result,
  found: watched,
});

interface Answering {
  readonly outcome: 'ok' | 'gone' | 'failed';
  readonly bindOutcome: 'bound' | 'taken' | 'gone' | 'failed';
  readonly granted: number;
  /** Else the call fails. */
  readonly answers: boolean;
  readonly result: CommitResult;
  readonly found: Pod;
}

type Action =
  | { readonly kind: 'event'; readonly event: HomeEvent }
  | { readonly kind: 'passes'; readonly ms: number }
  /** Its owner writes another policy. */
  | { readonly kind: 'policy'; readonly mayLeave: boolean }
  /** Of the `nth` effect that is not answered yet, or was answered already. */
  | {
      readonly kind: 'answer';
      readonly nth: number;
      readonly again: boolean;
      readonly how: Answering;
    };

const event: fc.Arbitrary<HomeEvent> = fc.oneof(
  { weight: 6, arbitrary: watched.map((each) => ({ kind: 'pod' as const, pod: each })) },
  { weight: 2, arbitrary: pod.map((each) => ({ kind: 'podDeleted' as const, pod: each })) },
  {
    weight: 6,
    arbitrary: fc.record({ host, update }).map((said) => ({ kind: 'guest' as const, ...said })),
  },
  fc.record({ host, state: pick(['opening', 'closed'] as const) }).map((said) => ({
    kind: 'stream' as const,
    ...said,
  })),
  fc.boolean().map((offload) => ({
    kind: 'namespace' as const,
    name: 'default',
    offload,
    annotations: {},
  })),
  fc.constant({ kind: 'policiesChanged' as const, namespace: 'default' }),
  fc.constant({ kind: 'capacityChanged' as const, where: 'home' as const }),
  fc.boolean().map((all) => ({ kind: 'revoked' as const, clusters: new Set(all ? hosts : []) })),
  fc.record({ host, pod, found: fc.option(watched, { nil: undefined }) }).map((read) => ({
    kind: 'orphanChecked' as const,
    host: read.host,
    ref: refOf(read.pod),
    pod: read.found,
  })),
);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: event.map((each) => ({ kind: 'event' as const, event: each })) },
  {
    weight: 3,
    arbitrary: pick([5, 50, 500, 5_000, 70_000]).map((ms) => ({ kind: 'passes' as const, ms })),
  },
  fc.boolean().map((mayLeave) => ({ kind: 'policy' as const, mayLeave })),
  {
    weight: 6,
    arbitrary: fc
      .record({ nth: fc.nat(5), again: fc.integer({ min: 0, max: 9 }), how: answerOf })
      .map(({ again, ...rest }) => ({ kind: 'answer' as const, again: again === 0, ...rest })),
  },
);

/** How `effect` has ended; undefined for those that are only told. */
function ended(effect: HomeEffect, how: Answering): HomeEvent | undefined {
  const { answers } = how;
  switch (effect.kind) {
    case 'bindLocally':
      return { kind: 'boundLocally', uid: effect.ref.uid, outcome: how.bindOutcome };
    case 'bindAway':
      return { kind: 'boundAway', uid: effect.ref.uid, outcome: how.bindOutcome };
    case 'reserve': {
      const { host: asked, request } = effect;
      const granted = Math.min(how.granted, request.count);
      const id = `${request.requestId}-${asked}` as ReservationId;
      const answer =
        granted > 0
          ? { reservation: { id, ttlMs: 10_000 }, granted, verdicts: [] }
          : { granted, verdicts: [verdict] };
      return {
        kind: 'reserved',
        requestId: request.requestId,
        host: asked,
        answer: answers ? answer : undefined,
      };
    }
    case 'try': {
      const results = effect.request.pods.map(() =>
        how.outcome === 'ok'
          ? { outcome: 'ok' as const, dropped: [] }
          : { outcome: 'refused' as const, verdict },
      );
      return {
        kind: 'tried',
        tryId: effect.tryId,
        host: effect.host,
        results: answers ? results : undefined,
        unable: how.granted === 3,
      };
    }
    case 'commit': {
      const uids = effect.request.pods.map((each) => refOf(each).uid);
      // The results of a host may be of pods that it was not asked for.
      const results = [...uids.map((of): CommitResult => ({ ...how.result, uid: of })), how.result];
      return { kind: 'committed', host: effect.host, uids, results: answers ? results : undefined };
    }
    case 'update': {
      const { pods: sent } = effect.request;
      const results = sent.map((each) => ({
        uid: refOf(each).uid,
        ...(how.outcome === 'failed' && { refused: verdict }),
      }));
      return {
        kind: 'updated',
        host: effect.host,
        pods: sent,
        results: answers ? results : undefined,
        unable: how.granted === 3,
      };
    }
    case 'release':
      return {
        kind: 'released',
        host: effect.host,
        guests: effect.guests.map((guest) => guest.uid),
        outcome: answers ? 'ok' : 'failed',
      };
    case 'writeStatus':
      return { kind: 'statusWritten', uid: effect.ref.uid, outcome: how.outcome };
    case 'evict':
      return { kind: 'evicted', uid: effect.ref.uid, outcome: how.outcome };
    case 'finalize':
      return { kind: 'finalized', uid: effect.ref.uid, outcome: how.outcome };
    case 'checkOrphan':
      return {
        kind: 'orphanChecked',
        host: effect.host,
        ref: effect.ref,
        pod: answers ? how.found : undefined,
      };
    case 'preempt':
      return { kind: 'preempted', uid: effect.ref.uid, outcome: answers ? 'ok' : 'failed' };
    case 'bindVolumes':
      return { kind: 'volumesWritten', uid: effect.ref.uid, outcome: answers ? 'ok' : 'failed' };
    case 'unnominate':
    case 'giveBack':
    case 'explain':
    case 'tell':
      return undefined;
    default:
      return unreachable(effect);
  }
}

const visited = new Set<string>();

function play(actions: readonly Action[], leaves: boolean): void {
  let policy = nearest;
  const tested = homeOf({
    policies: { policyFor: () => policyOf(policy) },
    nodes: [node('n', '1')],
    neighbours: [
      { name: 'near', cpu: '4', rttMs: 10 },
      { name: 'far', cpu: '4', rttMs: 90 },
    ],
    observe: ({ from, event: on }) => visited.add(`${from} ${on}`),
  });
  tested.step({ kind: 'synced' });
  const open: HomeEffect[] = [];
  const answered: HomeEffect[] = [];
  const take = (effects: readonly HomeEffect[]): void => {
    open.push(...effects.filter((effect) => ended(effect, anyhow) !== undefined));
    tested.home.podStates();
  };
  for (const [i, each] of actions.entries()) {
    if (leaves && i === Math.floor(actions.length / 2)) take(tested.step({ kind: 'leaving' }));
    if (each.kind === 'passes') take(tested.later(each.ms));
    else if (each.kind === 'policy') {
      policy = { ...nearest, mayLeave: each.mayLeave };
      take(tested.step({ kind: 'policiesChanged', namespace: 'default' }));
    } else if (each.kind === 'event') {
      const { event: shown } = each;
      if (shown.kind === 'pod') take(tested.see(shown.pod));
      else if (shown.kind === 'podDeleted') {
        take(tested.watch({ kind: 'Pod', type: 'deleted', object: shown.pod }));
      } else take(tested.step(shown));
    } else {
      const from = each.again ? answered : open;
      const [effect] = each.again
        ? from.slice(each.nth % Math.max(1, from.length))
        : from.splice(each.nth % Math.max(1, from.length), 1);
      const end = effect && ended(effect, each.how);
      if (effect === undefined || end === undefined) continue;
      answered.push(effect);
      take(tested.step(end));
    }
  }
}

const anyhow: Answering = {
  outcome: 'ok',
  bindOutcome: 'bound',
  granted: 1,
  answers: true,
  result: { uid: 'uid-a' as PodUid, outcome: 'created' },
  found: pods[0] as Pod,
};

// The time limit is for a machine that does much else.
test('no events, in whatever order they come, break an invariant', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 1, maxLength: 150, size: 'max' }),
      fc.nat(9),
      (actions, tenth) => {
        play(actions, tenth === 0);
      },
    ),
    { numRuns: 300 },
  );
  // It is no proof if it never gets far.
  expect(visited.size).toBeGreaterThan(40);
});
