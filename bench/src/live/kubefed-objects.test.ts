import type { App } from '@spillway/simulator';
import { describe, expect, test } from 'vitest';
import {
  federatedDeployment,
  kubeFedVariants,
  overridesOf,
  schedulingPreference,
} from './kubefed-objects.ts';

const clusters = ['lyon', 'paris', 'rome'].map((name) => ({ name, nodes: [] }));
const app: App = {
  name: 'shop',
  pod: { milliCpu: 500, memoryMib: 64, milliGpu: 0 },
  homes: [0, 2],
  steps: [],
};

function replicas(clusterName: string, value: number): object {
  return { clusterName, clusterOverrides: [{ path: '/spec/replicas', value }] };
}

describe('static', () => {
  const asked = { app, replicas: 7, clusters, variant: 'kubefed-static' } as const;

  test('lies at the homes alone, with what is asked at each', () => {
    expect(federatedDeployment(asked)).toMatchObject({
      spec: {
        placement: { clusters: [{ name: 'lyon' }, { name: 'rome' }] },
        overrides: [replicas('lyon', 7), replicas('rome', 7)],
      },
    });
  });

  test('a member without an override would run none', () => {
    expect(federatedDeployment(asked)).toMatchObject({
      spec: { template: { spec: { replicas: 0 } } },
    });
  });
});

describe.each(kubeFedVariants.slice(1))('%s', (variant) => {
  const asked = { app, replicas: 7, clusters, variant } as const;

  test('asks for the sum over the homes, at the homes first', () => {
    expect(schedulingPreference(asked)).toMatchObject({
      metadata: { name: 'shop' },
      spec: {
        targetKind: 'FederatedDeployment',
        // 7 at each of two homes.
        totalReplicas: 14,
        rebalance: variant === 'kubefed-rsp-rebalance',
        clusters: { lyon: { weight: 1_000 }, paris: { weight: 1 }, rome: { weight: 1_000 } },
      },
    });
  });

  test('begins as the planner plans it, in every cluster, so that there is nothing to change', () => {
    // 14 × 1000 / 2001 rounded up is 7 at the first home; of the 7 left, 7 at the second; 0 elsewhere.
    expect(overridesOf(asked)).toEqual([
      replicas('lyon', 7),
      replicas('paris', 0),
      replicas('rome', 7),
    ]);
    expect(federatedDeployment(asked)).toMatchObject({
      spec: { placement: { clusters: clusters.map(({ name }) => ({ name })) } },
    });
  });
});
