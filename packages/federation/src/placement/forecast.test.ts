import { clusterName, type Pod } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { type ForecastPods, forecast } from './forecast.ts';
import { outlookOf } from '../home/pending/pending-group.ts';
import { parsePolicy } from '../policy/policy.ts';
import { bin, neighbourOf } from '../testing/adverts.ts';
import { at, ledgerOf, node, podOf } from '../testing/fixtures.ts';

const classes = [{ labels: {}, taints: [] }];
/** 2 CPUs at home. */
const { snapshot } = ledgerOf(node('home-1', '2'));
/** 4 and 8 more pods of 1 CPU. */
const near = neighbourOf('near', {
  rttMs: 5,
  advert: { freeCapacity: { classes, bins: [bin(2, 2, 16)] } },
});
const far = neighbourOf('far', {
  rttMs: 50,
  advert: { freeCapacity: { classes, bins: [bin(2, 4, 16)] } },
});

interface Given {
  readonly pod?: Pod;
  readonly eligibility?: ForecastPods['eligibility'];
  readonly policy?: string;
}

function pods(name: string, count: number, given: Given = {}): ForecastPods {
  const { pod = podOf(name), policy: text = 'nearest' } = given;
  const eligibility = 'eligibility' in given ? given.eligibility : 'named';
  const outlook = outlookOf(pod, { policy: policyOf(text), text, source: 'the test' });
  return { pod, count, eligibility, outlook };
}

function policyOf(text: string) {
  const policy = parsePolicy(text);
  if ('problem' in policy) throw new Error(policy.problem);
  return policy;
}

function of(...batches: readonly ForecastPods[]) {
  return forecast(batches, { snapshot, neighbours: [far, near], placed: new Map(), now: at(0) });
}

describe('forecast', () => {
  it('fills the home, then the nearest neighbour, then the next, then nobody', () => {
    const [result] = of(pods('web', 15));
    expect(result?.home).toEqual([{ node: 'home-1', count: 2 }]);
    expect(result?.neighbours).toEqual([
      { cluster: 'near', count: 4, rttMs: 5 },
      { cluster: 'far', count: 8, rttMs: 50 },
    ]);
    expect(result?.nowhere).toBe(15 - 2 - 4 - 8);
    expect(result?.homeRefusals).toMatchObject([{ reason: 'Insufficient cpu', nodes: 1 }]);
    expect(result?.others.map(({ why }) => why)).toEqual([
      'takes 4, then has no node with room for this pod',
      'takes 8, then has no node with room for this pod',
    ]);
  });

  it('counts what comes before: the next pods find the room taken', () => {
    const [first, second] = of(pods('web', 4), pods('api', 4));
    expect(first?.neighbours).toEqual([{ cluster: 'near', count: 2, rttMs: 5 }]);
    expect(first?.others).toEqual([
      { cluster: 'near', fits: 2, rttMs: 5, why: 'takes 2' },
      { cluster: 'far', fits: 8, rttMs: 50, why: 'not needed' },
    ]);
    expect(second?.home).toEqual([]);
    expect(second?.neighbours).toEqual([
      { cluster: 'near', count: 2, rttMs: 5 },
      { cluster: 'far', count: 2, rttMs: 50 },
    ]);
  });

  describe('of pods that may preempt', () => {
    const low = (name: string) => podOf(name, { nodeName: 'home-1' });
    const occupied = ledgerOf(node('home-1', '2'));
    for (const name of ['low-1', 'low-2']) {
      occupied.apply({ kind: 'Pod', type: 'set', object: low(name) });
    }
    const urgent = (count: number, given: Given = {}, priority = 10) => {
      const pod = podOf('urgent');
      return pods('urgent', count, { pod: { ...pod, spec: { ...pod.spec, priority } }, ...given });
    };
    const foreseen = (...batches: readonly ForecastPods[]) =>
      forecast(batches, {
        snapshot: occupied.snapshot,
        neighbours: [near],
        placed: new Map(),
        now: at(0),
      });

    it('asks neighbours first, then ends pods of lower priority at home', () => {
      const [result, next] = foreseen(urgent(5), urgent(3));
      expect(result?.neighbours).toEqual([{ cluster: 'near', count: 4, rttMs: 5 }]);
      expect(result?.preempting).toMatchObject([{ node: 'home-1', count: 1 }]);
      expect(result?.preempting[0]?.victims).toHaveLength(1);
      expect(result?.nowhere).toBe(0);
      // The room of what has ended is counted, and pods of equal priority do not end.
      expect(next?.preempting).toMatchObject([{ node: 'home-1', count: 1 }]);
      expect(next?.nowhere).toBe(2);
    });

    it('ends them first where the policy says so', () => {
      const [result] = foreseen(urgent(3, { policy: 'nearest; preempt first' }));
      expect(result?.preempting).toEqual([
        {
          node: 'home-1',
          count: 2,
          victims: expect.arrayContaining([{ namespace: 'default', name: 'low-1' }]),
        },
      ]);
      expect(result?.neighbours).toEqual([{ cluster: 'near', count: 1, rttMs: 5 }]);
    });

    it('ends none for equal priority, and none that are kube-scheduler’s to place', () => {
      const [equal] = foreseen(urgent(5, {}, 0));
      expect([equal?.preempting, equal?.nowhere]).toEqual([[], 1]);
      const [offered] = foreseen(urgent(5, { eligibility: 'offered' }));
      expect([offered?.preempting, offered?.nowhere]).toEqual([[], 1]);
    });
  });

  it('leaves the snapshot as it was', () => {
    of(pods('web', 4));
    expect(snapshot.podCount).toBe(0);
  });

  it('says which pods stay, and why', () => {
    const pod = podOf('web');
    const pinned = { ...pod, spec: { ...pod.spec, hostNetwork: true } };
    const [result] = of(pods('web', 3, { pod: pinned }));
    expect(result?.nowhere).toBe(1);
    expect(result?.stays).toMatchObject([{ stage: 'Travel' }]);
    expect(result?.neighbours).toEqual([]);
  });

  it('sends away nothing that is not ours', () => {
    const [result] = of(pods('web', 3, { eligibility: undefined }));
    expect(result?.neighbours).toEqual([]);
    expect(result?.nowhere).toBe(1);
    expect(result?.others.map(({ cluster, fits }) => [cluster, fits])).toEqual([
      ['near', 4],
      ['far', 8],
    ]);
  });

  it('follows the policy: spread by the fewest, refused ones with a verdict', () => {
    const [result] = forecast([pods('web', 7, { policy: 'spread' })], {
      snapshot,
      neighbours: [near, far],
      placed: new Map([[clusterName('near'), 2]]),
      now: at(0),
    });
    // far 0→3, near 2→… : the fewest get each next one.
    expect(result?.neighbours).toEqual([
      { cluster: 'far', count: 4, rttMs: 50 },
      { cluster: 'near', count: 1, rttMs: 5 },
    ]);
    const [refusing] = of(pods('web', 3, { policy: 'nearest; rtt<=20' }));
    expect(refusing?.others.find(({ cluster }) => cluster === 'far')?.why).toBe(
      'is 50 ms away, more than the 20 ms that the policy allows',
    );
  });

  it('sends nothing to a neighbour that has just refused such pods, and says its reason', () => {
    const { outlook, ...batch } = pods('web', 5);
    const refusal = {
      reason: 'it needs ConfigMap app',
      until: at(1),
      version: near.advert.version,
    };
    const refusals = new Map([[clusterName('near'), refusal]]);
    const [result] = of({ ...batch, outlook: { ...outlook, refusals } });
    expect(result?.neighbours).toEqual([{ cluster: 'far', count: 3, rttMs: 50 }]);
    expect(result?.others.find(({ cluster }) => cluster === 'near')).toEqual({
      cluster: 'near',
      fits: 0,
      rttMs: 5,
      why: 'it needs ConfigMap app',
    });
  });
});
