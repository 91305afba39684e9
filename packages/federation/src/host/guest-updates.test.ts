import { type Pod, type PodUid, wellKnown } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { memberOf } from '../testing/adverts.ts';
import { at, cluster, ledgerOf, node, podOf } from '../testing/fixtures.ts';
import { hostDefaults } from './config.ts';
import type { HostEffect, PatchOutcome } from './events.ts';
import { madeFrom } from './guest-changes.ts';
import { Host } from './host.ts';

const home = memberOf('home');
const labelled = (track: string): Pod => podOf('a', { metadata: { labels: { track } } });
const uid = podOf('a').metadata.uid as PodUid;

/** Of the guest that was made from `pod`. */
function shadowOf(pod: Pod): Pod {
  return {
    metadata: {
      name: 'a',
      namespace: 'home-default',
      uid: 'shadow-a',
      labels: {
        ...pod.metadata.labels,
        [wellKnown.homeLabel]: 'home',
        [wellKnown.homeNamespaceLabel]: 'default',
        [wellKnown.homeUidLabel]: uid,
      },
      annotations: {
        [wellKnown.homeNameAnnotation]: 'a',
        [wellKnown.madeFromAnnotation]: madeFrom(pod),
      },
    },
    spec: { ...pod.spec, nodeName: 'n' },
    status: { phase: 'Running' },
  };
}

function hosting() {
  const host = new Host({
    ledger: ledgerOf(node('n', '4')),
    config: hostDefaults,
    incarnation: 'i',
    cluster: cluster('host'),
    guestNamespace: (of, namespace) => `${of}-${namespace}`,
  });
  let call = 0;
  return {
    host,
    show: (shadow: Pod) => host.step({ kind: 'shadow', pod: shadow }, at(0)),
    update: (...pods: readonly Pod[]) => {
      const request = { homeEpoch: 1, sequence: call, pods };
      return host.step({ kind: 'updateGuests', call: call++, caller: home, request }, at(0));
    },
    /** The first call comes once more. */
    repeat: (...pods: readonly Pod[]) => {
      const request = { homeEpoch: 1, sequence: 0, pods };
      return host.step({ kind: 'updateGuests', call: call++, caller: home, request }, at(0));
    },
    patched: (outcome: PatchOutcome) =>
      host.step({ kind: 'patched', guest: { home: home.cluster, uid }, outcome }, at(0)),
  };
}

const results = (effects: readonly HostEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'updateReply' ? effect.results : []));

describe('a guest whose pod was changed at home', () => {
  test('is changed, by the shadow’s own identity', () => {
    const { show, update, patched } = hosting();
    show(shadowOf(labelled('old')));
    expect(update(labelled('new'))).toMatchObject([
      {
        kind: 'patchShadow',
        namespace: 'home-default',
        name: 'a',
        shadowUid: 'shadow-a',
        patch: { metadata: { labels: { track: 'new' } } },
      },
    ]);
    expect(results(patched({ kind: 'patched' }))).toEqual([{ uid }]);
  });

  test('is left alone when it is as it should be', () => {
    const { show, update } = hosting();
    show(shadowOf(labelled('old')));
    expect(update(labelled('old'))).toEqual([{ kind: 'updateReply', call: 0, results: [{ uid }] }]);
  });

  test('is not made when it is not there', () => {
    expect(hosting().update(labelled('new'))).toMatchObject([{ kind: 'updateReply' }]);
  });

  test('is changed later when it is being ended, since that may not happen', () => {
    const { host, show, update } = hosting();
    show(shadowOf(labelled('old')));
    const request = { homeEpoch: 1, reservations: [], guests: [{ uid }] };
    host.step({ kind: 'release', caller: home, request }, at(0));
    expect(results(update(labelled('new')))).toMatchObject([
      { refused: { code: 'Unschedulable', reason: 'it is being ended' } },
    ]);
  });

  test('is changed one change at a time', () => {
    const { show, update, patched } = hosting();
    show(shadowOf(labelled('old')));
    update(labelled('new'));
    expect(results(update(labelled('newer')))).toMatchObject([
      { refused: { code: 'Unschedulable', reason: 'an earlier change of it is being made' } },
    ]);
    patched({ kind: 'patched' });
    expect(update(labelled('newer'))).toMatchObject([{ kind: 'patchShadow' }]);
  });

  test.each([
    [{ kind: 'failed', reason: 'no answer' }, 'Unschedulable'],
    [{ kind: 'rejected', reason: 'forbidden' }, 'UnschedulableAndUnresolvable'],
  ] as const)('and could not be: its home learns why', (outcome, code) => {
    const { show, update, patched } = hosting();
    show(shadowOf(labelled('old')));
    update(labelled('new'));
    expect(results(patched(outcome))).toEqual([
      { uid, refused: { code, reason: outcome.reason, stage: 'HostAdmission' } },
    ]);
  });

  test('is not changed for an agent that has been replaced', () => {
    const { host, update } = hosting();
    const request = { homeEpoch: 2, sequence: 0, pods: [labelled('new')] };
    host.step({ kind: 'updateGuests', call: 9, caller: home, request }, at(0));
    expect(() => update(labelled('old'))).toThrow(/was replaced/);
  });

  test('is not changed back by an older call that comes after a newer one', () => {
    const { show, update, repeat, patched } = hosting();
    show(shadowOf(labelled('first')));
    update(labelled('second'));
    patched({ kind: 'patched' });
    show(shadowOf(labelled('second')));
    update(labelled('third'));
    patched({ kind: 'patched' });
    show(shadowOf(labelled('third')));
    const effects = repeat(labelled('second'));
    expect(effects.filter(({ kind }) => kind === 'patchShadow')).toEqual([]);
    expect(results(effects)).toEqual([{ uid }]);
  });
});
