import type { Pod } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { at } from '../testing/fixtures.ts';
import { OwnPods } from './own-pods.ts';

function pod(uid: string, spec: Partial<Pod['spec']> = {}, status: Pod['status'] = {}): Pod {
  return { metadata: { name: uid, uid }, spec: { containers: [], ...spec }, status };
}

const tried = { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] };
const neverMs = at(1_000_000);

describe('own pods', () => {
  it('keep calls waiting until the last of them is bound, found not to fit, or gone', () => {
    const own = new OwnPods<string>();
    for (const uid of ['a', 'b', 'c']) own.see(pod(uid), false, at(0));
    own.wait('first', neverMs);
    own.wait('second', neverMs);
    own.see(pod('a', { nodeName: 'node-1' }), false, at(1));
    own.see(pod('b', {}, tried), false, at(1));
    expect(own.due(at(1))).toEqual([]);
    own.see(pod('c'), true, at(2));
    expect(own.due(at(2))).toEqual(['first', 'second']);
    expect(own.due(at(3))).toEqual([]);
    expect(own.nextDue()).toBeUndefined();
  });

  it('are waited for no longer than each call says', () => {
    const own = new OwnPods<string>();
    own.see(pod('a'), false, at(0));
    own.wait('patient', at(2_000));
    own.wait('hasty', at(500));
    expect(own.nextDue()).toBe(500);
    expect(own.due(at(499))).toEqual([]);
    expect(own.due(at(500))).toEqual(['hasty']);
    expect(own.decided(at(500))).toBe(false);
    expect(own.nextDue()).toBe(2_000);
    expect(own.due(at(2_000))).toEqual(['patient']);
  });

  it('that no scheduler looks at keep calls waiting for half a minute, and no longer', () => {
    const own = new OwnPods<string>();
    const orphan = pod('a', { schedulerName: 'nobody-runs-it' });
    own.see(orphan, false, at(0));
    own.wait('call', neverMs);
    expect(own.nextDue()).toBe(30_000);
    expect(own.due(at(29_999))).toEqual([]);
    own.see(pod('b'), false, at(29_999));
    expect(own.due(at(30_000))).toEqual([]);
    own.see(pod('b', { nodeName: 'node-1' }), false, at(30_000));
    expect(own.due(at(30_000))).toEqual(['call']);
    own.see(
      { ...orphan, metadata: { ...orphan.metadata, labels: { seen: 'again' } } },
      false,
      at(40_000),
    );
    expect(own.decided(at(40_000))).toBe(true);
  });

  it.each<[string, Pod]>([
    ['bound', pod('a', { nodeName: 'node-1' })],
    ['tried and found not to fit', pod('a', {}, tried)],
    ['gated', pod('a', { schedulingGates: [{ name: 'wait' }] })],
    ['ours to place', pod('a', { schedulerName: 'spillway' })],
    ['on their way out', { ...pod('a'), metadata: { uid: 'a', deletionTimestamp: 'now' } }],
  ])('that are %s keep no call waiting', (_, each) => {
    const own = new OwnPods<string>();
    own.see(each, false, at(0));
    expect(own.decided(at(0))).toBe(true);
  });
});
