import type { Node, Pod } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import type { Change, History } from '../observation/histories.ts';
import { audit, isClean } from './audit.ts';

let version = 0;

function pod(
  uid: string,
  more: {
    node?: string;
    labels?: Record<string, string>;
    phase?: string;
    cpu?: string;
    reason?: string;
    scheduler?: string;
    deleting?: boolean;
  } = {},
): Pod {
  return {
    metadata: {
      name: uid,
      namespace: 'shop',
      uid,
      resourceVersion: `${version++}`,
      labels: more.labels ?? {},
      ...(more.deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: {
      ...(more.node && { nodeName: more.node }),
      ...(more.scheduler && { schedulerName: more.scheduler }),
      containers: [{ name: 'c', resources: { requests: { cpu: more.cpu ?? '1' } } }],
    },
    status: {
      phase: more.phase ?? 'Running',
      ...(more.reason && {
        conditions: [{ type: 'PodScheduled', status: 'False', message: more.reason }],
      }),
    },
  };
}

function shadow(home: string, homeUid: string, more: Parameters<typeof pod>[1] = {}): Pod {
  return pod(`shadow-of-${homeUid}`, {
    node: 'node-1',
    ...more,
    labels: { 'spillway.dev/home': home, 'spillway.dev/home-uid': homeUid },
  });
}

function node(cpu: string): Node {
  return {
    metadata: { name: 'node-1' },
    status: { allocatable: { cpu, memory: '8Gi', pods: '110' } },
  };
}

/** `[atMs, type, object]`; an object with status.allocatable is a node. */
function history(cluster: string, ...changes: [number, 'set' | 'deleted', Pod | Node][]): History {
  return {
    cluster,
    gaps: 0,
    changes: changes.map(
      ([atMs, type, object]) =>
        ({
          atMs,
          sinceMs: atMs,
          type,
          object,
          kind: 'spec' in object && object.spec && 'containers' in object.spec ? 'Pod' : 'Node',
        }) as Change,
    ),
  };
}

const away = (uid: string): Pod => pod(uid, { node: 'spillway-b' });

describe('audit', () => {
  it('finds nothing wrong with a pod that runs away, one at home, one that waits with a reason and one that ended', () => {
    const report = audit([
      history(
        'a',
        [0, 'set', node('4')],
        [1, 'set', away('1')],
        [1, 'set', pod('2', { node: 'node-1' })],
        [1, 'set', pod('3', { phase: 'Pending', reason: '0/5 nodes' })],
        [1, 'set', pod('4', { node: 'spillway-b', phase: 'Succeeded' })],
      ),
      history('b', [0, 'set', node('4')], [2, 'set', shadow('a', '1')]),
    ]);
    expect(report).toEqual({
      podsChecked: 4,
      lost: [],
      doubled: [],
      overcommittedNodes: [],
      orphans: [],
    });
    expect(isClean(report)).toBe(true);
  });

  it('finds a pod bound to a neighbour where nothing runs for it', () => {
    const { lost } = audit([history('a', [1, 'set', away('1')]), history('b')]);
    expect(lost).toEqual([
      { cluster: 'a', pod: 'shop/1', uid: '1', what: 'is bound to b, where nothing runs for it' },
    ]);
  });

  it('finds a pod whose shadow nobody has bound', () => {
    const { lost } = audit([
      history('a', [1, 'set', pod('1', { node: 'spillway-b' })]),
      history('b', [2, 'set', shadow('a', '1', { node: '' })]),
    ]);
    expect(lost).toMatchObject([{ uid: '1', what: 'is bound to b, where its shadow has no node' }]);
  });

  it('finds a pod whose shadow has ended without its home knowing', () => {
    const { lost } = audit([
      history('a', [1, 'set', away('1')]),
      history('b', [2, 'set', shadow('a', '1', { phase: 'Failed' })]),
    ]);
    expect(lost[0]?.what).toContain('its home does not know');
  });

  it('finds a pod that waits and nothing says why', () => {
    expect(audit([history('a', [1, 'set', pod('1', { phase: 'Pending' })])]).lost).toHaveLength(1);
  });

  it('does not call lost what waits for a scheduler that is nobody’s', () => {
    const waiting = pod('1', { phase: 'Pending', scheduler: 'volcano' });
    expect(audit([history('a', [1, 'set', waiting])]).lost).toEqual([]);
    const ours = pod('1', { phase: 'Pending', scheduler: 'spillway' });
    expect(audit([history('a', [1, 'set', ours])]).lost).toHaveLength(1);
  });

  it('does not call lost what is being deleted', () => {
    expect(
      audit([
        history('a', [1, 'set', pod('1', { node: 'spillway-b', deleting: true })]),
        history('b'),
      ]).lost,
    ).toEqual([]);
  });

  it('finds two shadows of one pod at the same time', () => {
    const { doubled } = audit([
      history('a', [1, 'set', away('1')]),
      history('b', [2, 'set', shadow('a', '1')]),
      history('c', [500, 'set', shadow('a', '1')]),
    ]);
    expect(doubled.map(({ what }) => what)).toEqual(['ran at b and at c at once, forever']);
  });

  it('finds a pod that runs at home and away', () => {
    const { doubled } = audit([
      history('a', [1, 'set', pod('1', { node: 'node-1' })]),
      history('b', [100, 'set', shadow('a', '1')], [300, 'deleted', shadow('a', '1')]),
    ]);
    expect(doubled.map(({ what }) => what)).toEqual(['ran at a and at b at once, for 200 ms']);
  });

  it('allows one copy after the other', () => {
    const { doubled } = audit([
      history('a', [1, 'set', away('1')]),
      history('b', [2, 'set', shadow('a', '1')], [300, 'deleted', shadow('a', '1')]),
      history('c', [301, 'set', shadow('a', '1')]),
    ]);
    expect(doubled).toEqual([]);
  });

  it('finds a node that a guest put above its allocatable', () => {
    const { overcommittedNodes } = audit([
      history('a', [1, 'set', away('1')]),
      history(
        'b',
        [0, 'set', node('2')],
        [1, 'set', pod('own', { node: 'node-1', cpu: '1500m' })],
        [2, 'set', shadow('a', '1')],
      ),
    ]);
    // 1500m + 1000m on 2000m.
    expect(overcommittedNodes).toMatchObject([
      { cluster: 'b', node: 'node-1', what: '2500m CPU of 2000m' },
    ]);
  });

  it('does not blame Spillway for what a cluster’s own scheduler adds on top', () => {
    const { overcommittedNodes } = audit([
      history('a', [1, 'set', away('1')]),
      history(
        'b',
        [0, 'set', node('2')],
        [1, 'set', shadow('a', '1')],
        [2, 'set', pod('own', { node: 'node-1', cpu: '1500m' })],
      ),
    ]);
    expect(overcommittedNodes).toEqual([]);
  });

  it('counts room again once a pod has ended', () => {
    const { overcommittedNodes } = audit([
      history('a', [1, 'set', away('1')]),
      history(
        'b',
        [0, 'set', node('1')],
        [1, 'set', pod('own', { node: 'node-1' })],
        [2, 'set', pod('own', { node: 'node-1', phase: 'Succeeded' })],
        [3, 'set', shadow('a', '1')],
      ),
    ]);
    expect(overcommittedNodes).toEqual([]);
  });

  it('finds a shadow whose pod is gone, and one whose pod has ended', () => {
    const { orphans } = audit([
      history(
        'a',
        [1, 'set', away('1')],
        [5, 'deleted', away('1')],
        [1, 'set', pod('2', { node: 'spillway-b', phase: 'Failed' })],
      ),
      history('b', [2, 'set', shadow('a', '1')], [2, 'set', shadow('a', '2')]),
    ]);
    expect(orphans.map(({ what }) => what)).toEqual([
      'its pod at a does not exist',
      'its pod at a has ended (Failed)',
    ]);
  });

  it('takes a shadow that was found after a gap to have run since before it', () => {
    const before = history('b', [10, 'set', shadow('a', '1')], [200, 'deleted', shadow('a', '1')]);
    const found = history('c', [400, 'set', shadow('a', '1')]);
    const since = (sinceMs: number) => [
      before,
      { ...found, gaps: 1, changes: found.changes.map((change) => ({ ...change, sinceMs })) },
    ];
    expect(audit(since(210)).doubled).toEqual([]);
    expect(audit(since(100)).doubled.map(({ what }) => what)).toEqual([
      'ran at b and at c at once, for 100 ms',
    ]);
  });
});
