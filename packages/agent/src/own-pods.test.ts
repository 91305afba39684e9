import type { MonotonicMs, Pod } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { OwnPods } from './own-pods.ts';

function pod(uid: string, spec: Partial<Pod['spec']> = {}, status: Pod['status'] = {}): Pod {
  return { metadata: { name: uid, uid }, spec: { containers: [], ...spec }, status };
}

const tried = { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] };

let nowMs = 0;
const clock = { monotonicMs: () => nowMs as MonotonicMs };

describe('own pods', () => {
  it('keep guests waiting until the last of them is bound, found not to fit, or gone', async () => {
    const own = new OwnPods(clock);
    for (const uid of ['a', 'b', 'c']) own.see(pod(uid), false);
    let decided: boolean | undefined;
    const waiting = own.decided(10_000).then((all) => (decided = all));
    own.see(pod('a', { nodeName: 'node-1' }), false);
    own.see(pod('b', {}, tried), false);
    await Promise.resolve();
    expect(decided).toBeUndefined();
    own.see(pod('c'), true);
    await waiting;
    expect(decided).toBe(true);
  });

  it('are waited for no longer than that', async () => {
    const own = new OwnPods(clock);
    own.see(pod('a'), false);
    expect(await own.decided(1)).toBe(false);
  });

  it('that no scheduler looks at keep guests waiting for half a minute, and no longer', async () => {
    const own = new OwnPods(clock);
    const orphan = pod('a', { schedulerName: 'nobody-runs-it' });
    own.see(orphan, false);
    nowMs += 29_999;
    expect(await own.decided(1)).toBe(false);
    own.see(pod('b'), false);
    nowMs += 1;
    expect(await own.decided(1)).toBe(false);
    own.see(pod('b', { nodeName: 'node-1' }), false);
    expect(await own.decided(1)).toBe(true);
    own.see({ ...orphan, metadata: { ...orphan.metadata, labels: { seen: 'again' } } }, false);
    expect(await own.decided(1)).toBe(true);
  });

  it.each<[string, Pod]>([
    ['bound', pod('a', { nodeName: 'node-1' })],
    ['tried and found not to fit', pod('a', {}, tried)],
    ['gated', pod('a', { schedulingGates: [{ name: 'wait' }] })],
    ['ours to place', pod('a', { schedulerName: 'spillway' })],
    ['on their way out', { ...pod('a'), metadata: { uid: 'a', deletionTimestamp: 'now' } }],
  ])('that are %s keep nobody waiting', async (_, each) => {
    const own = new OwnPods(clock);
    own.see(each, false);
    expect(await own.decided(0)).toBe(true);
  });
});
