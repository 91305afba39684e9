import { type Pod, type PodStatus, virtualNodeName, wellKnown } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { cluster, node, plainSeals, podOf } from '../../testing/fixtures.ts';
import { homeOf, type TestedHome } from '../../testing/home.ts';
import { homeDefaults as config } from '../config.ts';
import { type HomeEffect, notPlacedBySpillway, refOf } from '../events.ts';

const lyon = cluster('lyon');
const nodeName = virtualNodeName(lyon);
const synced = { kind: 'guest', host: lyon, update: { kind: 'synced' } } as const;
const failed = { phase: 'Failed', reason: notPlacedBySpillway };

function atHome() {
  const tested = homeOf({ nodes: [node('n', '500m')], neighbours: [{ name: lyon, cpu: '4' }] });
  tested.step({ kind: 'synced' });
  return tested;
}

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

function streamIsWhole({ step }: TestedHome): readonly HomeEffect[] {
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
    const [attempt] = tested.grant(tested.wake().effects[0], 1);
    const [bind] = tested.tried(attempt);
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
