import type { NodeName, Pod, PodUid } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { looked, node, pod, type PodFacts, shape, snapshotOf } from '../testing/fixtures.ts';
import { preempt, type Preemptor, waitsForVictims } from './preempt.ts';

const preemptedStatus = {
  conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }],
};

function placed(name: string, on: string, priority: number, facts: PodFacts = {}): Pod {
  const { spec, ...rest } = facts;
  return pod(name, { node: on, ...rest, spec: { priority, ...spec } });
}

function started(second: number): PodFacts {
  return { status: { startTime: `2026-11-30T12:00:${second}Z` } };
}

function preemptor(facts: Partial<Preemptor> & { readonly pod?: PodFacts } = {}): Preemptor {
  const { pod: wanted = {}, ...rest } = facts;
  return { shape: shape(wanted), priority: 100, never: false, ...rest };
}

function choice(snapshot: ReturnType<typeof snapshotOf>, wanted = preemptor()): string {
  const found = preempt(snapshot, wanted);
  if (found === undefined) return 'hopeless';
  return `${found.node}: ${found.victims.map(({ standing }) => standing.name).join(' ')}`;
}

function budget(app: string, disruptionsAllowed: number, disrupted: readonly string[] = []) {
  return looked('PodDisruptionBudget', {
    metadata: { name: app, namespace: 'default' },
    spec: { selector: { matchLabels: { app } } },
    status: {
      disruptionsAllowed,
      disruptedPods: Object.fromEntries(disrupted.map((name) => [name, 'since'])),
    },
  });
}

const app = (value: string): PodFacts => ({ metadata: { labels: { app: value } } });

describe('who may be preempted', () => {
  test('pods of lower priority, and no others', () => {
    const nodes = [node('a', '1')];
    expect(choice(snapshotOf({ nodes, pods: [placed('p', 'a', 99)] }))).toBe('a: p');
    expect(choice(snapshotOf({ nodes, pods: [placed('p', 'a', 100)] }))).toBe('hopeless');
  });

  test('nobody, by a pod whose preemptionPolicy is Never', () => {
    const snapshot = snapshotOf({ nodes: [node('a', '1')], pods: [placed('p', 'a', 0)] });
    expect(choice(snapshot, preemptor({ never: true }))).toBe('hopeless');
  });

  test('nobody on a virtual node', () => {
    const nodes = [node('a', '1', { 'spillway.dev/virtual-node': 'true' })];
    expect(choice(snapshotOf({ nodes, pods: [placed('p', 'a', 0)] }))).toBe('hopeless');
  });

  test('nobody where the pod would not fit all the same', () => {
    const snapshot = snapshotOf({
      nodes: [node('a', '2'), node('b', '1', { disk: 'hdd' })],
      pods: [placed('p', 'a', 0), placed('q', 'b', 0)],
    });
    const wanted = { cpu: '3', spec: { nodeSelector: { disk: 'ssd' } } };
    expect(choice(snapshot, preemptor({ pod: wanted }))).toBe('hopeless');
  });

  test('nobody that is only promised the room', () => {
    const snapshot = snapshotOf({ nodes: [node('a', '1')], pods: [placed('p', 'a', 0)] });
    const promise = snapshot.pod('uid-p' as PodUid);
    if (promise === undefined) throw new Error('p is on a');
    const assumed = snapshot.withPlaced({ ...promise, standing: undefined });
    expect(choice(assumed)).toBe('hopeless');
  });
});

describe('who must go from a node', () => {
  test('as few as make room, the least important first', () => {
    const pods = [placed('p1', 'a', 1), placed('p2', 'a', 2), placed('p3', 'a', 3)];
    const snapshot = snapshotOf({ nodes: [node('a', '3')], pods });
    expect(choice(snapshot)).toBe('a: p1');
    expect(choice(snapshot, preemptor({ pod: { cpu: '2' } }))).toBe('a: p2 p1');
  });

  test('of equal ones the newest, and one that has not started yet before it', () => {
    const pods = [
      placed('old', 'a', 0, started(10)),
      placed('new', 'a', 0, started(20)),
      placed('starting', 'a', 0),
    ];
    const snapshot = snapshotOf({ nodes: [node('a', '3')], pods });
    expect(choice(snapshot)).toBe('a: starting');
    expect(choice(snapshot, preemptor({ pod: { cpu: '2' } }))).toBe('a: new starting');
  });

  test('pods whose end breaks no budget rather than less important ones that do', () => {
    const pods = [placed('kept', 'a', 1, app('db')), placed('free', 'a', 2)];
    const snapshot = snapshotOf({ nodes: [node('a', '2')], pods, looked: [budget('db', 0)] });
    expect(choice(snapshot)).toBe('a: free');
  });

  test('a budget allows as many as it says, and has counted those that are being evicted', () => {
    const pods = [placed('d1', 'a', 1, app('db')), placed('free', 'a', 2)];
    const of = (...given: Parameters<typeof budget>) =>
      snapshotOf({ nodes: [node('a', '2')], pods, looked: [budget(...given)] });
    expect(choice(of('db', 1))).toBe('a: d1');
    expect(choice(of('db', 0, ['d1']))).toBe('a: d1');
  });

  test('the pod whose host port is wanted, though there is CPU left', () => {
    const port = {
      spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] },
    };
    const pods = [placed('p', 'a', 0), placed('port', 'a', 0, port)];
    const snapshot = snapshotOf({ nodes: [node('a', '8')], pods });
    expect(choice(snapshot, preemptor({ pod: port }))).toBe('a: port');
  });

  test('the pod whose anti-affinity keeps the newcomer out of the zone, and none on the other node', () => {
    const shy = {
      spec: {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'web' } } },
            ],
          },
        },
      },
    };
    const snapshot = snapshotOf({
      nodes: [node('a', '1', { zone: 'z' }), node('b', '1', { zone: 'z' })],
      pods: [placed('p', 'a', 0), placed('shy', 'b', 0, shy)],
    });
    expect(choice(snapshot, preemptor({ pod: app('web') }))).toBe('b: shy');
  });
});

describe('which node', () => {
  const two = [node('a', '2'), node('b', '2')];

  test('the one where no budget is broken, whatever else speaks for the other', () => {
    const pods = [
      placed('d', 'a', 0, { cpu: '2', ...app('db') }),
      placed('p', 'b', 9, { cpu: '2' }),
    ];
    const looked = [budget('db', 0)];
    expect(choice(snapshotOf({ nodes: two, pods, looked }))).toBe('b: p');
  });

  test('then the one whose most important victim is the least', () => {
    const pods = [placed('a1', 'a', 9, { cpu: '2' }), placed('b1', 'b', 8), placed('b2', 'b', 8)];
    const wanted = preemptor({ pod: { cpu: '2' } });
    expect(choice(snapshotOf({ nodes: two, pods }), wanted)).toBe('b: b1 b2');
  });

  test('then the smallest sum of priorities, of which each victim adds to', () => {
    const pods = [
      placed('a1', 'a', -1),
      placed('a2', 'a', -5),
      placed('b1', 'b', -1, { cpu: '2' }),
    ];
    const wanted = preemptor({ pod: { cpu: '2' } });
    expect(choice(snapshotOf({ nodes: two, pods }), wanted)).toBe('b: b1');
  });

  test('then the one whose victims have run for the shortest time', () => {
    const pods = [
      placed('a1', 'a', 0, { cpu: '2', ...started(10) }),
      placed('b1', 'b', 0, { cpu: '2', ...started(20) }),
    ];
    expect(choice(snapshotOf({ nodes: two, pods }))).toBe('b: b1');
  });
});

describe('a pod that has preempted', () => {
  const nominated = 'a' as NodeName;
  const ending = placed('p', 'a', 0, {
    metadata: { deletionTimestamp: 'set' },
    status: preemptedStatus,
  });

  test('waits as long as one of its victims is ending', () => {
    const snapshot = snapshotOf({
      nodes: [node('a', '1'), node('b', '1')],
      pods: [ending, placed('q', 'b', 0)],
    });
    expect(waitsForVictims(snapshot, preemptor(), nominated)).toBe(true);
    expect(waitsForVictims(snapshot, preemptor(), 'b' as NodeName)).toBe(false);
  });

  test('waits no longer, and preempts elsewhere, when its node can never do any more', () => {
    const cordoned = { ...node('a', '1'), spec: { unschedulable: true } };
    const snapshot = snapshotOf({
      nodes: [cordoned, node('b', '1')],
      pods: [ending, placed('q', 'b', 0)],
    });
    expect(waitsForVictims(snapshot, preemptor(), nominated)).toBe(false);
    expect(choice(snapshot)).toBe('b: q');
  });

  test('keeps its room from pods of equal priority, and gives way to higher ones', () => {
    const waiting = pod('waiting', { spec: { priority: 50 } });
    const base = snapshotOf({ nodes: [node('a', '1')] });
    const placedWaiting = snapshotOf({
      nodes: [node('a', '1')],
      pods: [{ ...waiting, spec: { ...waiting.spec, nodeName: 'a' } }],
    }).pod('uid-waiting' as PodUid);
    if (placedWaiting?.standing === undefined) throw new Error('it stands on a');
    const snapshot = base.withPlaced({
      ...placedWaiting,
      standing: { ...placedWaiting.standing, nominated: true },
    });
    expect(choice(snapshot, preemptor({ priority: 50 }))).toBe('hopeless');
    expect(choice(snapshot)).toBe('a: ');
  });
});
