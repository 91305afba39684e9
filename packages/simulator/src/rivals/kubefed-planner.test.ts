import { describe, expect, test } from 'vitest';
import { type PlannedCluster, plan } from './kubefed-planner.ts';

function planned(
  rebalance: boolean,
  total: number,
  clusters: Record<string, Partial<PlannedCluster>>,
  key = '',
): Record<string, number> {
  const named = Object.entries(clusters).map(([name, of]) => ({
    name,
    weight: 1,
    current: 0,
    ...of,
  }));
  return Object.fromEntries(plan({ total, key, rebalance, clusters: named }));
}

describe('equal weights', () => {
  // FNV-1 of one byte b: (2166136261 × 16777619 mod 2^32) XOR b = 0x050c5d1f XOR b. A (0x41) gives
  // 0x050c5d5e, B …5d, C …5c, D …5b: the last letter comes first.
  test('rounding up goes by hash: 50 / 3 = 16⅔, C and B take 17 each, A what is left', () => {
    expect(planned(false, 50, { A: {}, B: {}, C: {} })).toEqual({ A: 16, B: 17, C: 17 });
  });

  test('a single replica goes to the least hash', () => {
    expect(planned(false, 1, { A: {}, B: {}, C: {}, D: {} })).toEqual({ A: 0, B: 0, C: 0, D: 1 });
  });

  // "edge-1trial/web" hashes to 0x27496723, "edge-2trial/web" to 0xea9e19f6.
  test('hashes are unsigned', () => {
    expect(planned(false, 1, { 'edge-1': {}, 'edge-2': {} }, 'trial/web')).toEqual({
      'edge-1': 1,
      'edge-2': 0,
    });
  });

  test('the key is part of the hash, so that not every Deployment favours the same cluster', () => {
    const first = (key: string) =>
      Object.entries(planned(false, 1, { A: {}, B: {}, C: {} }, key)).find(([, n]) => n === 1)?.[0];
    expect(new Set(['', 'ns/a', 'ns/b', 'ns/c', 'ns/d'].map(first)).size).toBeGreaterThan(1);
  });
});

describe('weights and bounds', () => {
  test('shares follow the weights: 60 × 1/3 = 20, 60 × 2/3 = 40', () => {
    expect(planned(false, 60, { A: {}, B: { weight: 2 } })).toEqual({ A: 20, B: 40 });
  });

  // Minimums: B 4, A 2, 4 left. B: ceil(4 × 3/5) = 3, so 7; A: min(ceil(4 × 2/5), 4 − 3) = 1, so 3.
  test('minimums come first, what is left by weight', () => {
    const A = { weight: 2, minReplicas: 2, maxReplicas: 6 };
    const B = { weight: 3, minReplicas: 4, maxReplicas: 8 };
    expect(planned(false, 10, { A, B })).toEqual({ A: 3, B: 7 });
  });

  // C first, then B: 20 + 20 + 10 = 50.
  test('too few for all minimums: the least hash is served first', () => {
    const of = { weight: 0, minReplicas: 20 };
    expect(planned(false, 50, { A: of, B: of, C: of })).toEqual({ A: 10, B: 20, C: 20 });
  });

  // Round 1: A ceil(50 × 10000/10002) = 50, of which 10; C, B ceil(50/10002) = 1 each; 38 left.
  // Round 2: C and B 38 / 2 = 19 each, so 20.
  test('what a full cluster cannot take is shared in another round', () => {
    expect(planned(false, 50, { A: { weight: 10_000, maxReplicas: 10 }, B: {}, C: {} })).toEqual({
      A: 10,
      B: 20,
      C: 20,
    });
  });

  test('weight 0 gets its minimum and no more', () => {
    expect(planned(false, 50, { A: { weight: 0, minReplicas: 2 } })).toEqual({ A: 2 });
  });
});

describe('without rebalance', () => {
  // C keeps 30; 20 left. Round 1, ceil(20/3) = 7 due each: C has them of its 30, B 7, A 7; 6 left.
  // Round 2, 2 due each: C has them, B 2, A 2; 2 left. Round 3, 1 due each: B 1, A 1. So 10 each.
  test('what runs stays, also beyond its share', () => {
    expect(planned(false, 50, { A: {}, B: {}, C: { current: 30 } })).toEqual({
      A: 10,
      B: 10,
      C: 30,
    });
  });

  // Home keeps 3 of 4; 1 left. Due home ceil(1 × 1000/1001) = 1, which it has of its 3; due away
  // ceil(1 × 1/1001) = 1, which is all that was left.
  test('one goes away though there is room at home, when planned while the last one still starts', () => {
    const home = { weight: 1_000, current: 3 };
    expect(planned(false, 4, { home, away: { weight: 1 } })).toEqual({ home: 3, away: 1 });
  });

  // Round 1: B and A 30 due each, 10 fit, 20 over each; 60 − 20 = 40 left and nobody open.
  // Overflow: min(20, 40) = 20 each. Written: 10 + 20 = 30 each.
  test('overflow is written as far as nobody else takes it: 10 + 20 each', () => {
    expect(planned(false, 60, { A: { capacity: 10 }, B: { capacity: 10 } })).toEqual({
      A: 30,
      B: 30,
    });
  });

  // B takes 10 of its 50 due, A its 10; then A the 40 that are left: nothing is over.
  test('what is unschedulable moves away entirely when the others have room', () => {
    expect(planned(false, 60, { A: {}, B: { weight: 5, capacity: 10 } })).toEqual({ A: 50, B: 10 });
  });
});

describe('with rebalance', () => {
  // Round 1: ceil(50/3) = 17 due each. C has room for 10, 7 are over; B 17, A 17; 50 − 44 = 6 left.
  // Round 2: 6 / 2 = 3 each, so 20.
  test('overflow comes on top: 20 + 20 + 10 planned, 7 more written, 57 in all for 50', () => {
    const written = planned(true, 50, { A: {}, B: {}, C: { capacity: 10 } });
    expect(written).toEqual({ A: 20, B: 20, C: 10 + 7 });
  });

  // The trial on real clusters (testbed notes): weight 6 of 10, 95 requested, 20 fit. Then 95 × 6/10 = 57 are
  // due, and 57 − 20 = 37 stay pending permanently. The others run 95 − 20 = 75 in all.
  test('unschedulable pods stay as probes for good', () => {
    const others = { b: {}, c: {}, d: {}, e: {} };
    const before = planned(true, 95, { a: { weight: 6 }, ...others }, 'trial/app');
    expect(before['a']).toBe(57);
    const a = { weight: 6, current: 20, capacity: 57 - 37 };
    const after = planned(true, 95, { a, ...others }, 'trial/app');
    expect(after['a']).toBe(57);
    expect(Object.values(after).reduce((sum, n) => sum + n)).toBe(57 + 75);
  });

  // 30 of 50 run at A; with equal weights, 25 are due to each.
  test('what runs moves to where it is due', () => {
    expect(planned(true, 50, { A: { current: 30 }, B: { current: 20 } })).toEqual({ A: 25, B: 25 });
  });
});
