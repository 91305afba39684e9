import { describe, expect, test } from 'vitest';
import { type KubefedVersion, type MemberDeployment, observe } from './kubefed-observation.ts';
import { plan } from './kubefed-planner.ts';

const versions: KubefedVersion[] = ['0.4.0', '0.10'];

describe('a cluster whose replicas are all ready', () => {
  test('has them as current and no known capacity', () => {
    expect(seen(deployment({ running: 5 }), 0)).toEqual({ current: 5 });
  });

  test('0.4.0 reads 0 ready replicas and counts the running pods instead: 5', () => {
    const lagging = { ...deployment({ running: 5 }), readyReplicas: 3 };
    expect(seen(lagging, 0, '0.4.0')).toEqual({ current: 5 });
    expect(seen({ ...lagging, readyReplicas: 5, pods: [] }, 0, '0.4.0')).toEqual({ current: 0 });
    expect(seen({ ...lagging, readyReplicas: 5, pods: [] }, 0, '0.10')).toEqual({ current: 5 });
  });

  test.each(versions)(
    '%s: with 0 replicas wanted, 0 run, whatever is still terminating',
    (version) => {
      const scaledToNothing = { ...deployment({ running: 3 }), specReplicas: 0, readyReplicas: 0 };
      expect(seen(scaledToNothing, 0, version)).toEqual({ current: 0 });
    },
  );
});

describe('a cluster with pods that wait', () => {
  test.each(versions)(
    '%s: at 60 s sharp they are only late, after it the capacity is known',
    (version) => {
      const late = deployment({ running: 7, unschedulableSinceMs: [1_000, 1_000, 2_000] });
      expect(seen(late, 61_000, version)).toEqual({ current: 7 });
      // 10 replicas − 2 = 8, then 10 − 3 = 7.
      expect(seen(late, 61_001, version)).toEqual({ current: 7, capacity: 8 });
      expect(seen(late, 62_001, version)).toEqual({ current: 7, capacity: 7 });
    },
  );

  test('pods that start are neither current nor unschedulable', () => {
    expect(seen(deployment({ running: 2, starting: 3 }), 99_000)).toEqual({ current: 2 });
  });

  test('a running pod counts once it has a Ready condition, be it False', () => {
    const unready: MemberDeployment = {
      specReplicas: 2,
      readyReplicas: 0,
      pods: [{ phase: 'Running', ready: false }, { phase: 'Running' }],
    };
    expect(seen(unready, 0)).toEqual({ current: 1 });
  });
});

describe('checking again', () => {
  const fresh = deployment({ running: 1, unschedulableSinceMs: [50_000] });
  const old = deployment({ running: 1, unschedulableSinceMs: [0] });
  const both = deployment({ running: 1, unschedulableSinceMs: [0, 50_000] });
  const rechecks = (
    deployments: Record<string, MemberDeployment>,
    version: KubefedVersion = '0.10',
  ) =>
    observe({ deployments: new Map(Object.entries(deployments)), version, nowMs: 100_000 }).recheck;

  test('goes on until all that are unschedulable have been so for more than 60 s', () => {
    expect(rechecks({ a: fresh })).toBe(true);
    expect(rechecks({ a: both })).toBe(true);
    expect(rechecks({ a: old })).toBe(false);
    expect(rechecks({ a: deployment({ running: 1, starting: 1 }) })).toBe(false);
  });

  test('is forgotten when a cluster looked at later is unready without needing it', () => {
    expect(rechecks({ a: fresh, b: old })).toBe(false);
    expect(rechecks({ b: old, a: fresh })).toBe(true);
    expect(rechecks({ a: fresh, b: deployment({ starting: 1 }) })).toBe(false);
  });

  test('is not forgotten for a cluster where all are ready', () => {
    expect(rechecks({ a: fresh, b: deployment({ running: 4 }) })).toBe(true);
  });

  test('0.4.0 never does', () => {
    expect(rechecks({ a: fresh, b: both }, '0.4.0')).toBe(false);
  });
});

// A holds 4 of its 10; the other 6 wait since 0. At 60 s nothing is known, and 10 and 10 are planned again. At
// 61 s A has a capacity of 10 − 6 = 4, so B gets 20 − 4 = 16. With rebalance A's 6 stay requested.
test('pods move once the capacity is known, and not a moment before', () => {
  const deployments = new Map([
    ['A', deployment({ running: 4, unschedulableSinceMs: [0, 0, 0, 0, 0, 0] })],
    ['B', deployment({ running: 10 })],
  ]);
  const planned = (nowMs: number, rebalance: boolean) => {
    const { clusters } = observe({ deployments, version: '0.10', nowMs });
    const members = [...clusters].map(([name, of]) => ({ name, weight: 1, ...of }));
    return Object.fromEntries(plan({ total: 20, key: 'ns/app', rebalance, clusters: members }));
  };
  expect(planned(60_000, false)).toEqual({ A: 10, B: 10 });
  expect(planned(61_000, false)).toEqual({ A: 4, B: 16 });
  expect(planned(61_000, true)).toEqual({ A: 4 + 6, B: 16 });
});

function deployment({
  running = 0,
  starting = 0,
  unschedulableSinceMs = [] as readonly number[],
}): MemberDeployment {
  return {
    specReplicas: running + starting + unschedulableSinceMs.length,
    readyReplicas: running,
    pods: [
      ...Array.from({ length: running }, () => ({ phase: 'Running', ready: true }) as const),
      ...Array.from({ length: starting }, () => ({ phase: 'Pending', ready: false }) as const),
      ...unschedulableSinceMs.map(
        (at) => ({ phase: 'Pending', unschedulableSinceMs: at }) as const,
      ),
    ],
  };
}

function seen(of: MemberDeployment, nowMs: number, version: KubefedVersion = '0.10') {
  return observe({ deployments: new Map([['a', of]]), version, nowMs }).clusters.get('a');
}
