import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PlannedCluster, type PlanRequest, plan } from './kubefed-planner.ts';

const runs = 1_000;
const some = (most: number) => fc.option(fc.nat(most), { nil: undefined });

/** Weights above 0 and minimums within the maximums, as a user who means it would write. */
const cluster = fc
  .record({
    weight: fc.integer({ min: 1, max: 9 }),
    minReplicas: fc.nat(8),
    spare: some(30),
    current: fc.nat(40),
    capacity: some(30),
  })
  .map(({ spare, capacity, ...of }) => ({
    ...of,
    ...(spare !== undefined && { maxReplicas: of.minReplicas + spare }),
    ...(capacity !== undefined && { capacity }),
  }));
const request: fc.Arbitrary<PlanRequest> = fc.record({
  total: fc.nat(120),
  key: fc.constantFrom('', 'default/web', 'trial/app-7'),
  rebalance: fc.boolean(),
  clusters: fc
    .array(cluster, { minLength: 1, maxLength: 6 })
    .map((all) => all.map((of, i) => ({ name: `c${i}`, ...of }))),
});

test('what runs in the end is all that is asked, as far as maximums and capacities allow', () => {
  holds(request, (asked) => {
    const written = plan(asked);
    const running = sum(
      asked.clusters.map((c) => Math.min(of(written, c), c.capacity ?? Infinity)),
    );
    expect(running).toBe(Math.min(asked.total, sum(asked.clusters.map(limit))));
  });
});

test('no more is written than asked while the clusters have room, or nothing is known of it', () => {
  holds(request, (asked) => {
    const room = sum(asked.clusters.map(limit));
    const allKnown = asked.clusters.every(({ capacity }) => capacity === undefined);
    if (!allKnown && (asked.rebalance || room < asked.total)) return;
    expect(sum([...plan(asked).values()])).toBe(Math.min(asked.total, room));
  });
});

test('a maximum holds, overflow included', () => {
  holds(request, (asked) => {
    const written = plan(asked);
    for (const c of asked.clusters) {
      expect(of(written, c)).toBeLessThanOrEqual(c.maxReplicas ?? Infinity);
      expect(of(written, c)).toBeGreaterThanOrEqual(0);
    }
  });
});

test('minimums hold when the total and the capacity suffice for them', () => {
  holds(request, (asked) => {
    if (sum(asked.clusters.map((c) => c.minReplicas ?? 0)) > asked.total) return;
    const written = plan(asked);
    for (const c of asked.clusters) {
      const least = Math.min(c.minReplicas ?? 0, c.capacity ?? Infinity);
      expect(of(written, c)).toBeGreaterThanOrEqual(least);
    }
  });
});

test('without rebalance nothing that runs is taken away, as long as all of it is wanted', () => {
  holds(request, (asked) => {
    const kept = asked.clusters.map((c) =>
      Math.max(c.minReplicas ?? 0, Math.min(c.current, limit(c))),
    );
    if (sum(kept) > asked.total) return;
    const written = plan({ ...asked, rebalance: false });
    for (const c of asked.clusters) {
      expect(of(written, c)).toBeGreaterThanOrEqual(Math.min(c.current, limit(c)));
    }
  });
});

test('a plan that runs is planned again', () => {
  holds(request, (asked) => {
    const fresh = asked.clusters.map((c) => ({ ...c, capacity: Infinity, current: 0 }));
    const first = plan({ ...asked, clusters: fresh });
    const running = fresh.map((c) => ({ ...c, current: of(first, c) }));
    expect(plan({ ...asked, clusters: running })).toEqual(first);
  });
});

test('asking for more plans no less in all', () => {
  holds(request, (asked) => {
    const clusters = asked.clusters.map((c) => ({ ...c, capacity: Infinity }));
    const total = (of: number) => sum([...plan({ ...asked, clusters, total: of }).values()]);
    expect(total(asked.total + 1)).toBeGreaterThanOrEqual(total(asked.total));
  });
});

test('the order of the clusters in the request does not matter', () => {
  const shuffled = request.chain((asked) =>
    fc.tuple(
      fc.constant(asked),
      fc.shuffledSubarray([...asked.clusters], { minLength: asked.clusters.length }),
    ),
  );
  fc.assert(
    fc.property(shuffled, ([asked, clusters]) => {
      const named = (of: PlanRequest) => Object.fromEntries(plan(of));
      expect(named({ ...asked, clusters })).toEqual(named(asked));
    }),
    { numRuns: runs },
  );
});

/** What it can take, as far as is known. */
function limit({ maxReplicas = Infinity, capacity = Infinity }: PlannedCluster): number {
  return Math.min(maxReplicas, capacity);
}

function of(written: ReadonlyMap<string, number>, { name }: PlannedCluster): number {
  const replicas = written.get(name);
  if (replicas === undefined) throw new Error(`nothing planned for ${name}`);
  return replicas;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, n) => all + n, 0);
}

function holds(requests: fc.Arbitrary<PlanRequest>, check: (asked: PlanRequest) => void): void {
  fc.assert(fc.property(requests, check), { numRuns: runs });
}
