import type { ClusterName } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { type Directory, directoryPresets } from '../../membership/directory.ts';
import { nearest } from '../../policy/policy.ts';
import { at, node, podOf } from '../../testing/fixtures.ts';
import { directoryOf, homeOf, policyOf } from '../../testing/home.ts';
import { homeDefaults as config } from '../config.ts';
import { newGroup } from './pending-group.ts';
import { shortlist } from './shortlist.ts';

/** Neighbours named by their RTT in ms, with this much CPU free. */
function neighbours(cpus: Readonly<Record<string, string>>): Directory {
  const named = Object.entries(cpus).map(([name, cpu]) => ({
    name,
    cpu,
    rttMs: Number(name.slice(1)),
  }));
  return directoryOf(named, directoryPresets.edge);
}

function asked(directory: Directory, ms: number, nextDoubt = 0): readonly ClusterName[] {
  const group = newGroup({
    base: 'g',
    template: undefined,
    templateRefusal: () => undefined,
    eligibility: 'named',
    pod: podOf('a'),
    policyFor: policyOf(nearest),
    stays: [],
    config,
    nextTry: at(nextDoubt),
  });
  const { targets } = shortlist(group, {
    wanted: 1,
    neighbours: directory.neighbours(),
    placed: () => new Map(),
    config,
    now: at(ms),
  });
  return targets.map(({ host }) => host);
}

describe('shortlist', () => {
  const directory = neighbours({ r5: '0', r10: '0', r20: '4', r30: '4', r40: '4', r50: '0' });

  test('the nearest with room, and one more', () => {
    expect(asked(directory, config.doubtMs - 1)).toEqual(['r20', 'r30']);
  });

  test('also nearer ones that said they were full, when that is some time ago', () => {
    expect(asked(directory, config.doubtMs)).toEqual(['r5', 'r10', 'r20', 'r30']);
  });

  test('no more of these than the bound, the nearest', () => {
    const full = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`r${i + 1}`, '0']));
    const expected = Array.from({ length: config.doubtedMax }, (_, i) => `r${i + 1}`);
    expect(asked(neighbours(full), config.doubtMs)).toEqual(expected);
  });

  test('and not before it is their turn again', () => {
    expect(asked(directory, config.doubtMs, config.doubtMs + 1)).toEqual(['r20', 'r30']);
  });
});

test('why a neighbour that is full takes nothing is told in one way: in its own words, once it has been asked', () => {
  const tested = homeOf({ nodes: [node('n', '500m')], neighbourhood: neighbours({ r1: '0' }) });
  tested.step({ kind: 'synced' });
  tested.see(podOf('a'));
  const reasons: (string | undefined)[] = [];
  for (let now = 1_000; now < 21_000; now += 50) {
    const woken = tested.tickAt(now);
    for (const each of [
      ...woken,
      ...tested.step({ kind: 'capacityChanged', where: 'neighbour' }),
    ]) {
      if (each.kind === 'reserve') tested.grant(each, 0);
    }
    const explanation = tested.home.explain('default', 'a');
    if (explanation?.state === 'waiting') reasons.push(explanation.neighbours['r1']);
  }
  expect(new Set(reasons.slice(1))).toEqual(new Set(['no room']));
});

test('a home whose neighbours are all full asks them less and less often, whatever news there is', () => {
  const full = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`r${i + 1}`, '0']));
  const tested = homeOf({ nodes: [node('n', '500m')], neighbourhood: neighbours(full) });
  const rounds: number[] = [];
  tested.step({ kind: 'synced' });
  tested.see(podOf('a'));
  for (let now = 1_000; now < 21_000; now += 50) {
    const woken = tested.tickAt(now);
    const told = tested.step({ kind: 'capacityChanged', where: 'neighbour' });
    const reserves = [...woken, ...told].filter(({ kind }) => kind === 'reserve');
    if (reserves.length > 0) rounds.push(now);
    for (const reserve of reserves) tested.grant(reserve, 0);
  }
  const gaps = rounds.slice(1).map((now, i) => now - (rounds[i] ?? 0));
  // Jittered by a quarter, and looked at every 50 ms.
  expect(gaps[0]).toBeLessThanOrEqual(1.25 * config.doubtMs + 50);
  expect(Math.min(...gaps.slice(2))).toBeGreaterThanOrEqual(0.75 * config.doubtRetryMsMax);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1.25 * config.doubtRetryMsMax + 50);
});
