import { type ClusterName, randomStream } from '@spillway/core';
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
import { newGroup } from './pending-group.ts';
import { clusterOfVirtualNode, Home } from '../home.ts';
import { shortlist } from './shortlist.ts';

const policyFor = { policy: nearest, text: 'nearest', source: 'the test' };

/** Neighbours called by their RTT in ms, with so much CPU free. */
function neighbours(cpus: Readonly<Record<string, string>>): Directory {
  const directory = new Directory({
    config: directoryPresets.edge,
    self: cluster('home'),
    coordinate: () => originCoordinate,
  });
  for (const [name, cpu] of Object.entries(cpus)) {
    directory.receive(advertOf(name, cpu), memberOf(name), at(0));
    directory.rttSample(cluster(name), Number(name.slice(1)), at(0));
  }
  return directory;
}

function asked(directory: Directory, ms: number, nextDoubt = 0): readonly ClusterName[] {
  const group = newGroup({
    base: 'g',
    template: undefined,
    templateRefusal: () => undefined,
    eligibility: 'named',
    pod: podOf('a'),
    policyFor,
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

test('a home whose neighbours are all full asks them less and less often, whatever news there is', () => {
  const full = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`r${i + 1}`, '0']));
  const home = new Home({
    room: ledgerOf(node('n', '500m')),
    neighbourhood: neighbours(full),
    policies: { policyFor: () => policyFor },
    seals: plainSeals,
    config,
    random: randomStream(1, 'home'),
    homeEpoch: 1,
    clusterOfNode: clusterOfVirtualNode,
  });
  const rounds: number[] = [];
  home.step({ kind: 'synced' }, at(0));
  home.step({ kind: 'pod', pod: podOf('a') }, at(0));
  for (let now = 1_000; now < 21_000; now += 50) {
    const reserves = [
      ...home.step({ kind: 'roomChanged', where: 'neighbour' }, at(now)),
      ...home.step({ kind: 'tick' }, at(now)),
    ].flatMap((effect) => (effect.kind === 'reserve' ? [effect] : []));
    if (reserves.length > 0) rounds.push(now);
    for (const { host, request } of reserves) {
      const verdicts = [{ code: 'Unschedulable', reason: 'no room', stage: 'Test' } as const];
      const answer = { granted: 0, verdicts };
      home.step({ kind: 'reserved', requestId: request.requestId, host, answer }, at(now));
    }
  }
  const gaps = rounds.slice(1).map((now, i) => now - (rounds[i] ?? 0));
  // Jittered by a quarter, and looked at every 50 ms.
  expect(gaps[0]).toBeLessThanOrEqual(1.25 * config.doubtMs + 50);
  expect(Math.min(...gaps.slice(2))).toBeGreaterThanOrEqual(0.75 * config.doubtRetryMsMax);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1.25 * config.doubtRetryMsMax + 50);
});
