import type { ClusterName, Pod, PodUid, Verdict } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { cluster, node, podOf } from '../../testing/fixtures.ts';
import { homeOf } from '../../testing/home.ts';
import { homeDefaults } from '../config.ts';
import type { HomeEffect } from '../events.ts';

const [near, far] = [cluster('near'), cluster('far')];
const { batchMs, firstPodsMax, firstPodsAgainMs, heldBackMsMax, triedRetryMsMin } = homeDefaults;
const ok = { outcome: 'ok', dropped: [] } as const;
const overQuota: Verdict = {
  code: 'UnschedulableAndUnresolvable',
  reason: 'exceeded quota: guests',
  stage: 'HostAdmission',
};
const noAnswer: Verdict = { ...overQuota, code: 'Unschedulable', reason: 'no answer' };

/**
 * A full home with two neighbours of much room. They grant all that they are asked for. `near` has a quota:
 * it takes as many pods as that, and says at a try whether it would take one more.
 */
function fullHome({ quota = 1_000, refusal = overQuota } = {}) {
  const tested = homeOf({
    nodes: [node('n', '1m')],
    neighbours: [
      { name: near, cpu: '1000', rttMs: 10 },
      { name: far, cpu: '1000', rttMs: 90 },
    ],
  });
  tested.step({ kind: 'synced' });
  const bound = new Map<ClusterName, PodUid[]>();
  const verdict = refusal;
  let left = quota;
  const created = new Set<PodUid>();
  const full = (host: ClusterName): boolean => host === near && left <= 0;
  /** Commits that are not answered yet. */
  const open: { host: ClusterName; uids: readonly PodUid[] }[] = [];
  const take = (effect: HomeEffect): void => {
    if (effect.kind === 'reserve') each(tested.grant(effect, effect.request.count));
    else if (effect.kind === 'try') {
      const answer = full(effect.host) ? ({ outcome: 'refused', verdict } as const) : ok;
      each(tested.tried(effect, () => answer));
    } else if (effect.kind === 'bindAway') {
      const { uid } = effect.ref;
      bound.set(effect.host, [...(bound.get(effect.host) ?? []), uid]);
      each(tested.step({ kind: 'boundAway', uid, outcome: 'bound' }));
    } else if (effect.kind === 'commit') {
      const uids = effect.request.pods.map(({ metadata }) => metadata.uid as PodUid);
      open.push({ host: effect.host, uids });
    }
  };
  const each = (effects: readonly HomeEffect[]): void => effects.forEach(take);
  return {
    home: tested.home,
    see: (pods: readonly Pod[]) => pods.forEach((pod) => each(tested.see(pod))),
    gone: (pod: Pod) => each(tested.step({ kind: 'podDeleted', pod })),
    later: (ms: number) => each(tested.later(ms)),
    /** Those that were bound to a neighbour so far. */
    boundTo: (host: ClusterName): readonly PodUid[] => bound.get(host) ?? [],
    created: () => created.size,
    /** The first commit that is open is answered; false when there is none. */
    answer: (): boolean => {
      const commit = open.shift();
      if (commit === undefined) return false;
      const { host, uids } = commit;
      const results = uids.map((uid) => {
        if (!created.has(uid) && full(host)) return { uid, outcome: 'refused', verdict } as const;
        if (host === near && !created.has(uid)) left -= 1;
        created.add(uid);
        return { uid, outcome: 'created' } as const;
      });
      each(tested.step({ kind: 'committed', host, uids, results }));
      return true;
    },
    /** The first commit that is open gets no answer, but the guest stream shows its guests. */
    showsUnanswered: (): void => {
      const { host, uids } = open.shift() ?? { host: near, uids: [] };
      for (const uid of uids) {
        const name = uid.slice('uid-'.length);
        const status = { phase: 'Running' };
        const shown = { kind: 'status', uid, namespace: 'default', name, status } as const;
        each(tested.step({ kind: 'guest', host, update: { ...shown, terminating: false } }));
      }
      each(tested.step({ kind: 'committed', host, uids, results: undefined }));
    },
    quotaIs: (count: number): void => {
      left = count;
    },
  };
}

function pods(
  count: number,
  name = 'p',
  labels: (i: number) => Readonly<Record<string, string>> = () => ({}),
): readonly Pod[] {
  return Array.from({ length: count }, (_, i) =>
    podOf(`${name}-${i}`, { metadata: { labels: labels(i) } }),
  );
}

describe('the first pods of a kind at a neighbour', () => {
  test('go alone; then each one that is created lets two more go', () => {
    const tested = fullHome();
    tested.see(pods(100));
    tested.later(batchMs);
    do {
      const created = tested.created();
      const bound = created < firstPodsMax ? firstPodsMax : firstPodsMax + 2 * created;
      expect(tested.boundTo(near)).toHaveLength(Math.min(100, bound));
    } while (tested.answer());
    expect(tested.created()).toBe(100);
    expect(tested.boundTo(far)).toEqual([]);
  });

  test.each([
    ['by its API server', overQuota],
    ['for now', noAnswer],
  ])('that are refused %s show that the others would be: these go elsewhere', (_, refusal) => {
    const tested = fullHome({ quota: 3, refusal });
    tested.see(pods(40));
    tested.later(batchMs);
    for (let i = 0; i < firstPodsMax; i++) tested.answer();
    tested.later(batchMs);
    while (tested.answer());
    expect(tested.boundTo(near)).toHaveLength(firstPodsMax);
    expect(tested.boundTo(far)).toHaveLength(40 - firstPodsMax);
  });

  test('are one after a refusal, then two', () => {
    const tested = fullHome({ quota: 2 });
    tested.see(pods(3, 'p'));
    tested.later(batchMs);
    while (tested.answer());
    tested.quotaIs(4);
    tested.later(2 * triedRetryMsMin);
    tested.see(pods(20, 'q'));
    tested.later(batchMs);
    const bound: number[] = [];
    do bound.push(tested.boundTo(near).length - 3);
    while (tested.answer());
    // One, two, and four that the quota does not let in.
    expect([...new Set(bound)]).toEqual([1, 3, 7]);
  });

  test('are counted together in a namespace: pods of a StatefulSet have a template each', () => {
    const tested = fullHome({ quota: 3 });
    tested.see(pods(20, 'db', (i) => ({ 'apps.kubernetes.io/pod-index': `${i}` })));
    tested.later(batchMs);
    expect(tested.boundTo(near)).toHaveLength(firstPodsMax);
    while (tested.answer());
    tested.later(batchMs);
    expect(tested.boundTo(near)).toHaveLength(firstPodsMax);
  });

  test('of another template are few, too, in a namespace where many go', () => {
    const tested = fullHome();
    tested.see(pods(50, 'a', () => ({ app: 'a' })));
    tested.later(batchMs);
    while (tested.answer());
    tested.see(pods(40, 'b', () => ({ app: 'b' })));
    tested.later(batchMs);
    expect(tested.boundTo(near)).toHaveLength(50 + firstPodsMax);
    expect(tested.home.explain('default', 'b-39')).toMatchObject({
      message: 'waits until near has created the first pods like it',
    });
  });

  test('keep the others waiting for a limited time, then other neighbours are asked', () => {
    const tested = fullHome();
    tested.see(pods(firstPodsMax + 5));
    tested.later(batchMs);
    tested.later(heldBackMsMax - 1);
    expect(tested.boundTo(far)).toEqual([]);
    tested.later(1);
    tested.later(batchMs);
    expect(tested.boundTo(near)).toHaveLength(firstPodsMax);
    expect(tested.boundTo(far)).toHaveLength(5);
  });

  test('count as created when their guests are shown, though their commits got no answer', () => {
    const tested = fullHome();
    tested.see(pods(2 * firstPodsMax));
    tested.later(batchMs);
    for (let i = 0; i < firstPodsMax; i++) tested.showsUnanswered();
    expect(tested.boundTo(near)).toHaveLength(2 * firstPodsMax);
  });

  test('leave out a pod that is deleted while it waits', () => {
    const tested = fullHome();
    const all = pods(firstPodsMax + 1);
    const [last] = all.slice(-1) as [Pod];
    tested.see(all);
    tested.later(batchMs);
    tested.gone(last);
    while (tested.answer());
    expect(tested.boundTo(near)).toHaveLength(firstPodsMax);
    expect(tested.home.counts().waiting).toBe(0);
  });

  test.each([
    [firstPodsAgainMs - batchMs - 1, 50],
    [firstPodsAgainMs, firstPodsMax],
  ])('after a pause of %i ms are %i', (pauseMs, count) => {
    const tested = fullHome();
    tested.see(pods(100, 'p'));
    tested.later(batchMs);
    while (tested.answer());
    tested.later(pauseMs);
    tested.see(pods(50, 'q'));
    tested.later(batchMs);
    expect(tested.boundTo(near)).toHaveLength(100 + count);
  });
});
