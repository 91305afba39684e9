import { type Pod, type PodStatus, randomStream, virtualNodeName, wellKnown } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { originCoordinate } from '../../coordinates.ts';
import { Directory, directoryPresets } from '../../directory.ts';
import { nearest } from '../../policy.ts';
import { memberOf } from '../../testing/adverts.ts';
import {
  advertOf,
  at,
  cluster,
  ledgerOf,
  node,
  plainSeals,
  podOf,
} from '../../testing/fixtures.ts';
import { homeDefaults as config } from '../config.ts';
import { type HomeEffect, type HomeEvent, notPlacedBySpillway, refOf } from '../events.ts';
import { clusterOfVirtualNode, Home } from '../home.ts';

const lyon = cluster('lyon');
const nodeName = virtualNodeName(lyon);
const synced = { kind: 'guest', host: lyon, update: { kind: 'synced' } } as const;
const failed = { phase: 'Failed', reason: notPlacedBySpillway };

function atHome() {
  const directory = new Directory({
    config: directoryPresets.lan,
    self: cluster('home'),
    coordinate: () => originCoordinate,
  });
  directory.receive(advertOf('lyon', '4'), memberOf(lyon), at(0));
  const home = new Home({
    room: ledgerOf(node('n', '500m')),
    neighbourhood: directory,
    policies: { policyFor: () => ({ policy: nearest, text: 'nearest', source: 'the test' }) },
    seals: plainSeals,
    config,
    random: randomStream(1, 'home'),
    homeEpoch: 1,
    clusterOfNode: clusterOfVirtualNode,
  });
  let now = 0;
  const effects: HomeEffect[] = [];
  const step = (event: HomeEvent): readonly HomeEffect[] => {
    const caused = home.step(event, at(now));
    effects.push(...caused);
    return caused;
  };
  /** Moves the clock to the next wake-up and ticks. */
  const wake = (): { readonly waitedMs: number; readonly effects: readonly HomeEffect[] } => {
    const next = home.wakeAt() ?? Number.NaN;
    const waitedMs = next - now;
    now = next;
    return { waitedMs, effects: step({ kind: 'tick' }) };
  };
  const advance = (ms: number): void => {
    now += ms;
  };
  step({ kind: 'synced' });
  return { home, step, wake, advance, effects };
}

type HomeUnderTest = ReturnType<typeof atHome>;

const ofReplicaSet = (name: string): Pod =>
  podOf(name, {
    nodeName,
    metadata: {
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true },
      ],
    },
  });
const bare = podOf('a', { nodeName });

const statuses = (effects: readonly HomeEffect[]): readonly PodStatus[] =>
  effects.flatMap((effect) => (effect.kind === 'writeStatus' ? [effect.status] : []));
const kinds = (effects: readonly HomeEffect[]): readonly string[] =>
  effects.map(({ kind }) => kind).filter((kind) => kind !== 'tell');

function streamIsWhole({ step }: HomeUnderTest): readonly HomeEffect[] {
  step({ kind: 'stream', host: lyon, state: 'opening' });
  return step(synced);
}

describe('a pod that somebody else has bound to a virtual node', () => {
  test('is never committed, and fails with a reason once its host has shown that it has no guest of it', () => {
    const tested = atHome();
    expect(kinds(tested.step({ kind: 'pod', pod: bare }))).toEqual([]);
    expect([...tested.home.hosts()]).toEqual([lyon]);
    expect(tested.home.explain('default', 'a')).toMatchObject({ state: 'foreign', host: lyon });
    expect(statuses(streamIsWhole(tested))).toMatchObject([failed]);
    tested.step({ kind: 'statusWritten', uid: refOf(bare).uid, outcome: 'ok' });
    expect(kinds(tested.effects)).toEqual(['giveBack', 'writeStatus']);
    expect(tested.home.foreign()).toMatchObject([{ host: lyon, owner: undefined }]);
    expect(tested.home.counts().awayByHost).toEqual(new Map());
  });

  test('waits, and says so, while its host cannot be asked', () => {
    const tested = atHome();
    const told = tested.step({ kind: 'pod', pod: bare });
    expect(told).toMatchObject([{ kind: 'tell', reason: notPlacedBySpillway, warning: true }]);
    expect(tested.home.explain('default', 'a')).toMatchObject({
      message: expect.stringContaining('waits until lyon has said whether it runs the pod already'),
    });
    expect(tested.home.wakeAt()).toBeUndefined();
  });

  test('fails at once when the host has shown its guests before', () => {
    const tested = atHome();
    streamIsWhole(tested);
    expect(statuses(tested.step({ kind: 'pod', pod: bare }))).toMatchObject([failed]);
  });

  test('is not ours by the seal of another pod, or of another host', () => {
    for (const seal of [
      plainSeals.seal('uid-other' as never, lyon),
      plainSeals.seal(refOf(bare).uid, cluster('madrid')),
    ]) {
      const tested = atHome();
      const annotations = { [wellKnown.boundByAnnotation]: seal };
      const pod = { ...bare, metadata: { ...bare.metadata, annotations } };
      tested.step({ kind: 'pod', pod });
      expect(statuses(streamIsWhole(tested))).toMatchObject([failed]);
      expect(kinds(tested.effects)).not.toContain('commit');
    }
  });

  test('is not ours because we were about to bind it there ourselves', () => {
    const tested = atHome();
    tested.step({ kind: 'pod', pod: podOf('a') });
    const [ask] = tested.wake().effects;
    if (ask?.kind !== 'reserve') throw new Error('lyon was not asked');
    const reservation = { id: 'lyon-1' as never, ttlMs: 10_000 };
    const answer = { reservation, granted: 1, verdicts: [] };
    const { requestId } = ask.request;
    const [attempt] = tested.step({ kind: 'reserved', requestId, host: lyon, answer });
    if (attempt?.kind !== 'try') throw new Error('lyon did not try it');
    const { tryId } = attempt;
    const results = [{ outcome: 'ok', dropped: [] }] as const;
    const [bind] = tested.step({ kind: 'tried', tryId, host: lyon, results });
    expect(bind).toMatchObject({
      kind: 'bindAway',
      annotations: { [wellKnown.boundByAnnotation]: plainSeals.seal(refOf(bare).uid, lyon) },
    });
    expect(kinds(tested.step({ kind: 'pod', pod: bare }))).toEqual(['release']);
    expect(statuses(streamIsWhole(tested))).toMatchObject([failed]);
    expect(kinds(tested.effects)).not.toContain('commit');
  });

  test('is adopted when its host shows its guest, which an agent with another key has committed', () => {
    const tested = atHome();
    tested.step({ kind: 'pod', pod: bare });
    tested.step({ kind: 'stream', host: lyon, state: 'opening' });
    const { namespace, name, uid } = refOf(bare);
    const status = { phase: 'Running' };
    const update = { kind: 'status', uid, namespace, name, status, terminating: false } as const;
    expect(statuses(tested.step({ kind: 'guest', host: lyon, update }))).toMatchObject([status]);
    tested.step(synced);
    expect(tested.home.explain('default', 'a')).toMatchObject({ state: 'away', phase: 'away' });
    expect(kinds(tested.effects)).toEqual(['writeStatus', 'update']);
  });

  test('is not sent because somebody has written a status on it that says it has run', () => {
    const tested = atHome();
    const status = { phase: 'Running', startTime: 'then' };
    tested.step({ kind: 'pod', pod: { ...bare, status } });
    streamIsWhole(tested);
    expect(kinds(tested.effects)).toEqual(['writeStatus']);
    expect(statuses(tested.effects)).toMatchObject([{ phase: 'Failed', reason: 'GuestLost' }]);
  });

  test('is adopted when its host shows the guest before the watch shows the pod', () => {
    const tested = atHome();
    tested.step({ kind: 'stream', host: lyon, state: 'opening' });
    const ref = refOf(bare);
    const status = { phase: 'Running' };
    const update = { kind: 'status', ...ref, status, terminating: false } as const;
    tested.step({ kind: 'guest', host: lyon, update });
    tested.step(synced);
    tested.step({ kind: 'orphanChecked', host: lyon, ref, pod: bare });
    tested.step({ kind: 'pod', pod: bare });
    expect(tested.home.explain('default', 'a')).toMatchObject({ state: 'away', phase: 'away' });
    expect(kinds(tested.effects)).toEqual(['checkOrphan']);
  });

  test('under fence fails only when its host has confirmed that nothing of it is, or will be, there', () => {
    const tested = atHome();
    const annotations = { [wellKnown.partitionAnnotation]: 'fence' };
    tested.step({ kind: 'pod', pod: { ...bare, metadata: { ...bare.metadata, annotations } } });
    expect(kinds(streamIsWhole(tested))).toEqual(['giveBack', 'release']);
    const { uid } = refOf(bare);
    tested.step({ kind: 'released', host: lyon, guests: [uid], outcome: 'ok' });
    const update = { kind: 'gone', uid, reason: 'Released', message: '' } as const;
    expect(statuses(tested.step({ kind: 'guest', host: lyon, update }))).toMatchObject([failed]);
  });

  test('is let go when it is deleted, without a word to the host that has shown its guests', () => {
    const tested = atHome();
    streamIsWhole(tested);
    const pod = ofReplicaSet('a');
    tested.step({ kind: 'pod', pod: ofReplicaSet('b') });
    tested.step({ kind: 'pod', pod });
    const metadata = { ...pod.metadata, deletionTimestamp: 'now' };
    const effects = tested.step({ kind: 'pod', pod: { ...pod, metadata } });
    expect(kinds(effects)).toEqual(['finalize']);
  });

  test('is still told of after a restart, though it has failed', () => {
    const tested = atHome();
    tested.step({ kind: 'pod', pod: { ...bare, status: failed } });
    expect(tested.home.foreign()).toMatchObject([{ ref: refOf(bare) }]);
    expect(kinds(streamIsWhole(tested))).toEqual([]);
  });
});

describe('the pods of a controller that are bound there again and again', () => {
  test('fail in rounds that lie ever further apart, up to a bound', () => {
    const tested = atHome();
    streamIsWhole(tested);
    const waits: number[] = [];
    for (let i = 0; i < 14; i++) {
      const pod = ofReplicaSet(`web-${i}`);
      let written = statuses(tested.step({ kind: 'pod', pod }));
      let waitedMs = 0;
      if (written.length === 0) {
        const woken = tested.wake();
        written = statuses(woken.effects);
        ({ waitedMs } = woken);
      }
      expect(written).toMatchObject([failed]);
      tested.step({ kind: 'statusWritten', uid: refOf(pod).uid, outcome: 'ok' });
      waits.push(waitedMs);
    }
    // ± 25 %: 0, 1, 2, 4, … 256, 300, 300, … s.
    const expected = [0, ...Array.from({ length: 13 }, (_, i) => 1_000 * 2 ** i)];
    for (const [i, wait] of waits.entries()) {
      const nominal = Math.min(expected[i] ?? 0, config.giveBackMsMax);
      expect(wait).toBeGreaterThanOrEqual(nominal * 0.75);
      expect(wait).toBeLessThanOrEqual(nominal * 1.25);
    }
  });

  test('fail together in one round', () => {
    const tested = atHome();
    streamIsWhole(tested);
    tested.step({ kind: 'pod', pod: ofReplicaSet('first') });
    for (const name of ['b', 'c', 'd']) {
      expect(statuses(tested.step({ kind: 'pod', pod: ofReplicaSet(name) }))).toEqual([]);
    }
    expect(statuses(tested.wake().effects)).toMatchObject([failed, failed, failed]);
  });

  test('fail at once again after a quiet time', () => {
    const tested = atHome();
    streamIsWhole(tested);
    tested.step({ kind: 'pod', pod: ofReplicaSet('a') });
    tested.advance(config.giveBackMsMax);
    expect(statuses(tested.step({ kind: 'pod', pod: ofReplicaSet('b') }))).toMatchObject([failed]);
  });
});
