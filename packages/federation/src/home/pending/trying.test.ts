import { type Pod, type Verdict, wellKnown } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import type { Neighbour } from '../../membership/directory.ts';
import type { TryResult } from '../../negotiation.ts';
import { nearest, type PlacementPolicy } from '../../policy/policy.ts';
import { at, cluster, node, podOf, sealedAt } from '../../testing/fixtures.ts';
import { directoryOf, homeOf, policyOf } from '../../testing/home.ts';
import { homeDefaults } from '../config.ts';
import { type HomeEffect, type HomeEvent, refOf } from '../events.ts';

const [near, far] = [cluster('near'), cluster('far')];
const { batchMs, commitPodsMax, firstPodsMax, triedOkTtlMs, triedRetryMsMin, triedRetryMsMax } =
  homeDefaults;
const ok: TryResult = { outcome: 'ok', dropped: [] };
const overQuota: Verdict = {
  code: 'UnschedulableAndUnresolvable',
  reason: 'exceeded quota: guests',
  stage: 'HostAdmission',
};
const refused: TryResult = { outcome: 'refused', verdict: overQuota };

const neighbours = [
  { name: near, cpu: '1000', rttMs: 10 },
  { name: far, cpu: '1000', rttMs: 90 },
];

/** A full home with two neighbours of much room, `near` at 10 ms and `far` at 90. */
function fullHome(more: Pick<Parameters<typeof homeOf>[0], 'policies' | 'neighbourhood'> = {}) {
  const tested = homeOf({ nodes: [node('n', '1m')], neighbours, ...more });
  tested.step({ kind: 'synced' });
  return {
    ...tested,
    /** Time passes; each neighbour that is asked grants all. */
    passTo(ms: number, look: (effect: HomeEffect) => void = () => {}): readonly HomeEffect[] {
      const effects = tested.tickAt(ms);
      for (const effect of effects) look(effect);
      return effects.flatMap((effect) =>
        effect.kind === 'reserve' ? tested.grant(effect, effect.request.count) : [effect],
      );
    },
    see: (...pods: readonly Pod[]) => {
      for (const pod of pods) tested.see(pod);
    },
  };
}

function triesOf(effects: readonly HomeEffect[]): readonly (HomeEffect & { kind: 'try' })[] {
  return effects.flatMap((effect) => (effect.kind === 'try' ? [effect] : []));
}

function boundTo(effects: readonly HomeEffect[]): readonly string[] {
  return effects.flatMap((effect) => (effect.kind === 'bindAway' ? [effect.host] : []));
}

const environment = (value: string): Pod => {
  const pod = podOf(value);
  const containers = pod.spec.containers.map((each) => ({ ...each, env: [{ name: 'A', value }] }));
  return { ...pod, spec: { ...pod.spec, containers } };
};

describe('trying', () => {
  test('one pod of a template is tried for all, and nothing is bound before', () => {
    const tested = fullHome();
    tested.see(podOf('a'), podOf('b'), podOf('c'));
    const effects = tested.passTo(batchMs);
    const [only, ...others] = triesOf(effects);
    expect(others).toEqual([]);
    expect(only?.request.pods).toHaveLength(1);
    expect(boundTo(effects)).toEqual([]);
    expect(boundTo(tested.tried(only, () => ok))).toEqual([near, near, near]);
  });

  test('who is only asked is sent nothing of what the pod runs; that goes to who has granted room', () => {
    const secret = 'c1d7-in-the-environment';
    const tested = fullHome();
    const pod = environment(secret);
    const metadata = { ...pod.metadata, name: 'a', annotations: { note: secret } };
    tested.see({ ...pod, metadata });
    const seen: HomeEffect[] = [];
    const effects = tested.passTo(batchMs, (effect) => seen.push(effect));
    const asked = seen.filter(({ kind }) => kind === 'reserve');
    expect(asked.map((effect) => 'host' in effect && effect.host)).toEqual([near, far]);
    expect(JSON.stringify(asked)).not.toContain(secret);
    const [only, ...others] = triesOf(effects);
    expect(others).toEqual([]);
    expect(only?.host).toBe(near);
    expect(JSON.stringify(only)).toContain(secret);
  });

  test('what a host has said of a template holds for later pods, until it is old', () => {
    const tested = fullHome();
    tested.see(podOf('a'));
    tested.tried(triesOf(tested.passTo(batchMs))[0], () => ok);
    tested.see(podOf('b'));
    const later = tested.passTo(1_000);
    expect([triesOf(later), boundTo(later)]).toEqual([[], [near]]);
    tested.see(podOf('c'));
    expect(triesOf(tested.passTo(1.26 * triedOkTtlMs))).toHaveLength(1);
  });

  test('templates of one shape are tried together, no more at once than a commit has pods', () => {
    const tested = fullHome();
    tested.see(...Array.from({ length: commitPodsMax + 1 }, (_, i) => environment(`e${i}`)));
    const sizes = triesOf(tested.passTo(batchMs)).map(({ request }) => request.pods.length);
    expect(sizes).toEqual([commitPodsMax, 1]);
  });

  test('a refused template goes to the next neighbour at once, the others of its shape stay', () => {
    const tested = fullHome();
    tested.see(environment('good'), environment('bad'));
    const [atNear] = triesOf(tested.passTo(batchMs));
    const isBad = (pod: Pod): boolean => pod.metadata.name === 'bad';
    const effects = tested.tried(atNear, (pod) => (isBad(pod) ? refused : ok));
    expect(boundTo(effects)).toEqual([near]);
    const [atFar] = triesOf(tested.passTo(2 * batchMs));
    expect(atFar).toMatchObject({ host: far, request: { pods: [{ metadata: { name: 'bad' } }] } });
    expect(boundTo(tested.tried(atFar, () => ok))).toEqual([far]);
  });

  test('the room of what is refused is given back', () => {
    const tested = fullHome();
    tested.see(podOf('a'));
    const [atNear] = triesOf(tested.passTo(batchMs));
    expect(tested.tried(atNear, () => refused)).toMatchObject([
      { kind: 'release', host: near, reservations: ['near-1'] },
    ]);
  });

  test('what a host has said of one pod is told to others without its name', () => {
    const tested = fullHome();
    tested.see(podOf('x-7'));
    const reason = 'pods "x-7" is forbidden: exceeded quota: guests';
    const verdict = { ...overQuota, reason };
    tested.tried(triesOf(tested.passTo(batchMs))[0], () => ({ outcome: 'refused', verdict }));
    tested.see(podOf('y-3'));
    tested.passTo(2 * batchMs);
    const said = 'such a pod is forbidden: exceeded quota: guests';
    const [foreseen] = tested.home.forecast([{ pod: podOf('y-4'), count: 1 }], at(2 * batchMs));
    expect(foreseen?.others.find((each) => each.cluster === near)).toMatchObject({ why: said });
  });

  test('a refused pod is explained by the host’s own words', () => {
    const tested = fullHome();
    tested.see(podOf('a'));
    tested.tried(triesOf(tested.passTo(batchMs))[0], () => refused);
    tested.tried(triesOf(tested.passTo(2 * batchMs))[0], () => refused);
    const told = tested.passTo(3 * batchMs).find(({ kind }) => kind === 'explain');
    expect(told).toMatchObject({
      message: expect.stringContaining('near: exceeded quota: guests; far: exceeded quota'),
    });
    expect(tested.home.explain('default', 'a')).toMatchObject({
      neighbours: { near: 'exceeded quota: guests' },
    });
  });

  test('a refusal outlives the pod, and a host that refuses is asked less and less often', () => {
    const tested = fullHome();
    const gaps: number[] = [];
    let last = 0;
    for (let i = 0, now = batchMs; now < 3 * triedRetryMsMax; i++, now += 500) {
      const pod = podOf(`replacement-${i}`);
      tested.see(pod);
      for (const each of triesOf(tested.passTo(now))) {
        if (each.host === near) {
          gaps.push(now - last);
          last = now;
        }
        tested.tried(each, () => refused);
      }
      tested.step({ kind: 'podDeleted', pod });
    }
    expect(gaps[1]).toBeGreaterThanOrEqual(0.75 * triedRetryMsMin);
    expect(Math.max(...gaps)).toBeGreaterThan(0.75 * triedRetryMsMax);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1.25 * triedRetryMsMax + 1_000);
  });

  test('a host that can’t be asked to try gets nothing, and is asked again soon', () => {
    const tested = fullHome();
    tested.see(podOf('a'));
    const [atNear] = triesOf(tested.passTo(batchMs));
    const unanswered = { kind: 'tried', host: near, results: undefined, problem: 'Unavailable' };
    const event = { ...unanswered, tryId: atNear?.tryId ?? '' } as HomeEvent;
    expect(boundTo(tested.step(event))).toEqual([]);
    expect(triesOf(tested.passTo(2 * batchMs))).toMatchObject([{ host: far }]);
  });

  test('a host that is older and has no such method is taken at its word', () => {
    const tested = fullHome();
    tested.see(podOf('a'));
    const [atNear] = triesOf(tested.passTo(batchMs));
    const older = { kind: 'tried', host: near, results: undefined, unable: true } as const;
    expect(boundTo(tested.step({ ...older, tryId: atNear?.tryId ?? '' }))).toEqual([near]);
    tested.see(podOf('b'));
    const effects = tested.passTo(1_000);
    expect([triesOf(effects), boundTo(effects)]).toEqual([[], [near]]);
  });

  test('a pod that is deleted while it is tried is not bound, and its room goes back', () => {
    const tested = fullHome();
    const pod = podOf('a');
    tested.see(pod);
    const [atNear] = triesOf(tested.passTo(batchMs));
    expect(tested.step({ kind: 'podDeleted', pod })).toMatchObject([{ kind: 'release' }]);
    expect(tested.tried(atNear, () => ok)).toEqual([]);
  });

  test('what the host leaves out of a pod is told to its owner', () => {
    const tested = fullHome();
    tested.see(podOf('a'));
    const dropped: TryResult = { outcome: 'ok', dropped: ['annotation x', 'annotation y'] };
    const effects = tested.tried(triesOf(tested.passTo(batchMs))[0], () => dropped);
    expect(effects).toMatchObject([
      { kind: 'tell', message: 'near runs it without annotation x, annotation y' },
      {
        kind: 'bindAway',
        annotations: { [wellKnown.leftOutAnnotation]: 'annotation x; annotation y' },
      },
    ]);
  });

  test('and stands on the pod, so that a later agent can say it; nobody else can', () => {
    const leftOut = { [wellKnown.leftOutAnnotation]: 'annotation x; annotation y' };
    const later = fullHome();
    later.see(sealedAt(podOf('a', { metadata: { annotations: leftOut } }), near));
    expect(later.home.explain('default', 'a')).toMatchObject({
      leftOut: ['annotation x', 'annotation y'],
    });
    const tested = fullHome();
    tested.see(podOf('b', { metadata: { annotations: leftOut } }));
    expect(tested.tried(triesOf(tested.passTo(batchMs))[0], () => ok)).toMatchObject([
      { kind: 'bindAway', annotations: { [wellKnown.leftOutAnnotation]: '' } },
    ]);
  });
});

describe('what changes after a host has granted room, and before the binding', () => {
  const released = { kind: 'release', host: near, reservations: ['near-1'] };

  function withPolicy() {
    let policy: PlacementPolicy = nearest;
    const tested = fullHome({ policies: { policyFor: () => policyOf(policy) } });
    const stay = (): readonly HomeEffect[] => {
      policy = { ...nearest, mayLeave: false };
      return tested.step({ kind: 'policiesChanged', namespace: 'default' });
    };
    return { ...tested, stay };
  }

  test('a policy that keeps the pod at home is obeyed, and the room goes back', () => {
    const tested = withPolicy();
    tested.see(podOf('a'));
    const [atNear] = triesOf(tested.passTo(batchMs));
    expect(tested.stay()).toMatchObject([released]);
    expect(tested.tried(atNear, () => ok)).toEqual([]);
    const later = tested.passTo(60_000);
    expect(later.map(({ kind }) => kind)).toEqual(['explain']);
    expect(tested.home.explain('default', 'a')).toMatchObject({ podState: 'pending' });
  });

  test('it is obeyed also by pods that wait for the answers to the first ones', () => {
    const tested = withPolicy();
    const pods = Array.from({ length: firstPodsMax + 2 }, (_, i) => podOf(`p${i}`));
    tested.see(...pods);
    const first = tested.tried(triesOf(tested.passTo(batchMs))[0], () => ok);
    expect(boundTo(first)).toHaveLength(firstPodsMax);
    tested.stay();
    const uids = pods.slice(0, firstPodsMax).map((pod) => refOf(pod).uid);
    for (const uid of uids) tested.step({ kind: 'boundAway', uid, outcome: 'bound' });
    const results = uids.map((uid) => ({ uid, outcome: 'created' }) as const);
    const after = tested.step({ kind: 'committed', host: near, uids, results });
    expect(boundTo([...after, ...tested.passTo(60_000)])).toEqual([]);
  });

  test('a binding that is on its way is not called off', () => {
    const tested = withPolicy();
    tested.see(podOf('a'));
    tested.tried(triesOf(tested.passTo(batchMs))[0], () => ok);
    expect(tested.stay()).toEqual([]);
    const { uid } = refOf(podOf('a'));
    expect(tested.step({ kind: 'boundAway', uid, outcome: 'bound' })).toMatchObject([
      { kind: 'commit', host: near },
    ]);
  });

  test('a cluster that leaves its federation binds none of those that are being tried', () => {
    let policy: PlacementPolicy = nearest;
    const tested = fullHome({ policies: { policyFor: () => policyOf(policy) } });
    tested.see(podOf('a'));
    const [atNear] = triesOf(tested.passTo(batchMs));
    policy = { ...nearest, mayLeave: false };
    expect(tested.step({ kind: 'leaving' })).toMatchObject([released]);
    expect(tested.tried(atNear, () => ok)).toEqual([]);
  });

  test.each([
    ['is cordoned', { marks: { cordoned: true, taints: [] } }],
    [
      'has a taint that the pod does not tolerate',
      { marks: { cordoned: false, taints: [{ key: 'k', effect: 'NoSchedule' as const }] } },
    ],
    ['is silent', { liveness: 'suspect' as const }],
    ['is no member any more', undefined],
  ])('a neighbour that %s gets no pod', (_, change) => {
    const directory = directoryOf(neighbours);
    let changed = false;
    const seen = (neighbour: Neighbour | undefined): Neighbour | undefined => {
      if (!changed || neighbour?.cluster !== near) return neighbour;
      return change && { ...neighbour, ...change };
    };
    const neighbourhood = {
      neighbours: () => directory.neighbours().flatMap((neighbour) => seen(neighbour) ?? []),
      neighbour: (of: Neighbour['cluster']) => seen(directory.neighbour(of)),
    };
    const tested = fullHome({ neighbourhood });
    tested.see(podOf('a'));
    const [atNear] = triesOf(tested.passTo(batchMs));
    changed = true;
    expect(tested.tried(atNear, () => ok)).toMatchObject([released]);
    const [atFar] = triesOf(tested.passTo(2 * batchMs));
    expect(atFar).toMatchObject({ host: far });
    expect(boundTo(tested.tried(atFar, () => ok))).toEqual([far]);
  });
});

describe('refused after the binding all the same', () => {
  const owned: Partial<Pod['metadata']> = {
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true },
    ],
  };

  function refusedAfterAll(pod: Pod, verdict: Verdict) {
    const tested = fullHome();
    tested.see(sealedAt(pod, near));
    const uids = [(pod.metadata.uid ?? '') as never];
    const results = [{ uid: uids[0] as never, outcome: 'refused', verdict } as const];
    const effects = tested.step({ kind: 'committed', host: near, uids, results });
    return { ...tested, effects };
  }

  const statuses = (effects: readonly HomeEffect[]) =>
    effects.flatMap((effect) => (effect.kind === 'writeStatus' ? [effect.status] : []));

  test('a controller’s pod fails at once where waiting would not help, and is not sent there again', () => {
    const { effects, ...tested } = refusedAfterAll(podOf('a', { metadata: owned }), overQuota);
    expect(statuses(effects)).toMatchObject([
      {
        phase: 'Failed',
        reason: 'GuestRefused',
        message: 'near refused it: exceeded quota: guests',
      },
    ]);
    tested.see(podOf('b', { metadata: owned }));
    expect(triesOf(tested.passTo(batchMs)).map(({ host }) => host)).toEqual([far]);
  });

  test.each([
    ['a bare pod', podOf('a'), overQuota],
    [
      'one whose host only has no room now',
      podOf('a', { metadata: owned }),
      { ...overQuota, code: 'Unschedulable' },
    ],
  ] as const)('%s fails after some patience', (_, pod, verdict) => {
    const { effects, ...tested } = refusedAfterAll(pod, verdict);
    expect(statuses(effects)).toEqual([]);
    let failed: readonly unknown[] = [];
    for (let now = 1_000; now < 3 * homeDefaults.refusedPatienceMs; now += 1_000) {
      for (const effect of tested.passTo(now)) {
        if (effect.kind !== 'commit') continue;
        const uids = effect.request.pods.map(({ metadata }) => metadata.uid as never);
        const results = uids.map((uid) => ({ uid, outcome: 'refused', verdict }) as const);
        const more = statuses(tested.step({ kind: 'committed', host: near, uids, results }));
        if (more.length === 0) continue;
        expect(now).toBeGreaterThanOrEqual(homeDefaults.refusedPatienceMs);
        failed = more;
      }
    }
    expect(failed).toMatchObject([{ phase: 'Failed', reason: 'GuestRefused' }]);
  });
});
