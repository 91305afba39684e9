import { clusterName } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import type { Neighbour } from '../membership/directory.ts';
import { rankNeighbours } from './neighbour-placement.ts';
import { parsePolicy } from '../policy/policy.ts';
import { bin, neighbourOf, shapeAsking } from '../testing/adverts.ts';

const shape = shapeAsking('1', '1Gi');
const classes = [{ labels: {}, taints: [] }];

function rank(
  neighbours: readonly Neighbour[],
  policyText: string,
  placed: Readonly<Record<string, number>> = {},
) {
  const policy = parsePolicy(policyText);
  if ('problem' in policy) throw new Error(policy.problem);
  const { ranked, verdicts } = rankNeighbours({
    shape,
    count: 1,
    policy,
    neighbours,
    placed: new Map(Object.entries(placed).map(([name, count]) => [clusterName(name), count])),
  });
  return {
    order: ranked.map(({ cluster }) => cluster),
    ranked,
    reasons: Object.fromEntries([...verdicts].map(([name, { reason }]) => [name, reason])),
  };
}

/** 4, 12 and 8 more pods of 1 CPU and 1 GiB. */
const near = neighbourOf('near', {
  rttMs: 5,
  advert: { freeCapacity: { classes, bins: [bin(1, 4, 16)] } },
});
const large = neighbourOf('large', {
  rttMs: 30,
  advert: { freeCapacity: { classes, bins: [bin(3, 4, 16)] } },
});
const far = neighbourOf('far', {
  rttMs: 80,
  advert: { freeCapacity: { classes, bins: [bin(2, 4, 16)] } },
});
const all = [far, near, large];

describe('rankNeighbours › policies', () => {
  it('nearest goes by RTT', () => {
    expect(rank(all, 'nearest').order).toEqual(['near', 'large', 'far']);
  });

  it('worst-fit goes to the one with most room for this shape', () => {
    expect(rank(all, 'worst-fit').order).toEqual(['large', 'far', 'near']);
  });

  it('best-fit goes to the one with least', () => {
    expect(rank(all, 'best-fit').order).toEqual(['near', 'far', 'large']);
  });

  it('spread goes to the one with fewest pods of ours, the nearer first', () => {
    expect(rank(all, 'spread', { near: 3, large: 1 }).order).toEqual(['far', 'large', 'near']);
    expect(rank(all, 'spread').order).toEqual(['near', 'large', 'far']);
  });

  it('cluster-affinity prefers what it names before what is near', () => {
    expect(rank(all, 'cluster-affinity; prefer name=far').order).toEqual(['far', 'near', 'large']);
  });

  it('cluster-affinity requires labels, signed ones before those a cluster gives itself', () => {
    const signed = neighbourOf('signed', {
      attributes: { region: 'eu' },
      advert: { labels: { region: 'us' } },
    });
    const claims = neighbourOf('claims', {
      attributes: { region: 'us' },
      advert: { labels: { region: 'eu' } },
    });
    const { order, reasons } = rank([signed, claims], 'cluster-affinity; require region=eu');
    expect(order).toEqual(['signed']);
    expect(reasons).toEqual({ claims: 'is not region=eu, which the policy requires' });
  });

  it('equals go by name, on every machine alike', () => {
    const twins = ['b', 'c', 'a'].map((name) => neighbourOf(name));
    expect(rank(twins, 'nearest').order).toEqual(['a', 'b', 'c']);
  });

  it('scores are whole numbers from 0 to 100 that fall with distance', () => {
    const scores = rank(all, 'nearest').ranked.map(({ score }) => score);
    // 100 × 50 / (50 + rtt): 5 ms 90.9, 30 ms 62.5, 80 ms 38.5.
    expect(scores).toEqual([91, 63, 38]);
  });
});

describe('rankNeighbours › who is left out, and why', () => {
  it.each([
    [{ liveness: 'suspect' as const }, 'was not heard lately'],
    [{ liveness: 'gone' as const }, 'is gone'],
    [{ advert: { accepting: false } }, 'does not accept guests'],
    [{ advert: { guestsFree: 0 } }, 'guest limit reached'],
    [{ advert: { freeCapacity: { classes, bins: [] } } }, 'has no node with room for this pod'],
  ])('%j', (change, reason) => {
    const { order, reasons } = rank([neighbourOf('lyon', change)], 'nearest');
    expect(order).toEqual([]);
    expect(reasons).toEqual({ lyon: reason });
  });

  it('room in fragments is no room: forty half CPUs take no pod of one', () => {
    const fragmented = neighbourOf('lyon', {
      advert: { freeCapacity: { classes, bins: [bin(40, 0.5, 16)] } },
    });
    expect(rank([fragmented], 'worst-fit').reasons).toEqual({
      lyon: 'has no node with room for this pod',
    });
  });

  it('whom a policy refuses, or finds too far', () => {
    expect(rank([near, far], 'nearest; refuse name=near; rtt<=50').reasons).toEqual({
      near: 'is name=near, which the policy refuses',
      far: 'is 80 ms away, more than the 50 ms that the policy allows',
    });
  });

  it('no more than the host lets in is expected of it', () => {
    const capped = neighbourOf('lyon', { advert: { guestsFree: 2 } });
    expect(rank([capped], 'nearest').ranked[0]?.estimate).toBe(2);
  });
});
