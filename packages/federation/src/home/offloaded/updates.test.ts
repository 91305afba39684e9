import type { Pod } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import type { UpdateResult } from '../../negotiation.ts';
import { cluster, node, podOf, sealedAt } from '../../testing/fixtures.ts';
import { homeOf } from '../../testing/home.ts';
import { homeDefaults } from '../config.ts';
import type { HomeEffect } from '../events.ts';

const near = cluster('near');
const uid = podOf('a').metadata.uid as never;

function labelled(
  track: string,
  status: Pod['status'] = { phase: 'Running', startTime: 'x' },
): Pod {
  const pod = podOf('a', { status, metadata: { labels: { track } } });
  return sealedAt(pod, near);
}

/** A home that has found `pod` bound to near, as after a restart. */
function found(pod: Pod) {
  const { step, tickAt } = homeOf({ nodes: [node('n', '1')] });
  step({ kind: 'synced' });
  return {
    first: step({ kind: 'pod', pod }),
    see: (next: Pod) => step({ kind: 'pod', pod: next }),
    step,
    answer: (effect: HomeEffect | undefined, result: Omit<UpdateResult, 'uid'> | undefined) => {
      if (effect?.kind !== 'update') throw new Error(`an update was expected, not ${effect?.kind}`);
      const { host, request } = effect;
      const results = result && request.pods.map(() => ({ uid, ...result }));
      return step({ kind: 'updated', host, pods: request.pods, results });
    },
    passTo: tickAt,
  };
}

const tracks = (effects: readonly HomeEffect[]): readonly (string | undefined)[] =>
  effects.flatMap((effect) =>
    effect.kind === 'update'
      ? effect.request.pods.map(({ metadata }) => metadata.labels?.['track'])
      : [],
  );

describe('a pod that is changed while it is away', () => {
  test('is sent to its host, once for each change, and once by a new agent', () => {
    const { first, see, answer } = found(labelled('old'));
    expect(tracks(first)).toEqual(['old']);
    answer(first[0], {});
    expect(see(labelled('old'))).toEqual([]);
    const changed = see(labelled('new'));
    expect(tracks(changed)).toEqual(['new']);
    answer(changed[0], {});
    expect(see(labelled('new'))).toEqual([]);
  });

  test('and changed again during the call, is sent again afterwards', () => {
    const { first, see, answer } = found(labelled('old'));
    expect(see(labelled('new'))).toEqual([]);
    expect(tracks(answer(first[0], {}))).toEqual(['new']);
  });

  test('is sent again when there was no answer, or the host could not do it now', () => {
    const refused = { code: 'Unschedulable', reason: 'it is being made', stage: 's' } as const;
    const { first, answer, passTo } = found(labelled('old'));
    expect(answer(first[0], undefined)).toEqual([]);
    const second = passTo(2 * homeDefaults.retryMsMin);
    expect(tracks(second)).toEqual(['old']);
    expect(answer(second[0], { refused })).toEqual([]);
    expect(tracks(passTo(10 * homeDefaults.retryMsMin))).toEqual(['old']);
  });

  test('is told of when the host refuses the change, and not sent again before the next', () => {
    const refused = { code: 'UnschedulableAndUnresolvable', reason: 'no', stage: 's' } as const;
    const { first, answer, passTo, see } = found(labelled('old'));
    expect(answer(first[0], { refused })).toMatchObject([
      { kind: 'tell', message: 'near refuses the change: no', warning: true },
    ]);
    expect(passTo(100_000)).toEqual([]);
    expect(tracks(see(labelled('new')))).toEqual(['new']);
  });

  test('is told of when the host is older and takes no changes', () => {
    const { first, step } = found(labelled('old'));
    const [update] = first;
    const pods = update?.kind === 'update' ? update.request.pods : [];
    const event = { kind: 'updated', host: near, pods, results: undefined, unable: true } as const;
    expect(step(event)).toMatchObject([
      { kind: 'tell', message: expect.stringContaining('older') },
    ]);
  });

  test('is not sent once it has ended', () => {
    const { first, see, answer } = found(labelled('old'));
    answer(first[0], {});
    expect(see(labelled('new', { phase: 'Succeeded' }))).toEqual([]);
  });
});
