import type { Pod } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import type { OffloadPolicy, OffloadPolicySpec } from './offload-policy.ts';
import { PolicyBook } from './policy-book.ts';
import { podOf } from '../testing/fixtures.ts';

const offloadPolicy = (name: string, spec: OffloadPolicySpec = {}): OffloadPolicy => ({
  metadata: { namespace: 'default', name },
  spec,
});

function bookOf(...policies: readonly OffloadPolicy[]): PolicyBook {
  const book = new PolicyBook('nearest; rtt<=100');
  for (const policy of policies) book.set(policy);
  return book;
}

const web = podOf('web', { metadata: { labels: { app: 'web' } } });
const webPods = { podSelector: { matchLabels: { app: 'web' } } };
const annotated = (pod: Pod, text: string): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: { 'spillway.dev/policy': text } },
});
const sourceOf = (book: PolicyBook, pod: Pod, namespace = {}): string =>
  book.policyFor(pod, namespace).source;

describe('the policy for a pod is', () => {
  const annotations = { 'spillway.dev/policy': 'spread' };

  test('to stay, in a cluster that leaves the federation, whatever is written', () => {
    const book = bookOf(offloadPolicy('a', { policy: 'worst-fit' }));
    book.leave();
    expect(book.policyFor(annotated(web, 'best-fit'), annotations).policy.mayLeave).toBe(false);
  });

  test('its own annotation, before all else', () => {
    const found = bookOf(offloadPolicy('a')).policyFor(annotated(web, 'best-fit'), annotations);
    expect(found).toMatchObject({
      text: 'best-fit',
      source: 'annotation spillway.dev/policy of the pod itself',
    });
  });

  test('then an OffloadPolicy of its namespace that selects it', () => {
    const book = bookOf(offloadPolicy('a', { policy: 'worst-fit' }));
    expect(book.policyFor(web, annotations)).toMatchObject({
      text: 'worst-fit',
      source: 'OffloadPolicy default/a',
    });
    const elsewhere = podOf('x', { metadata: { namespace: 'other' } });
    expect(sourceOf(book, elsewhere)).toBe('policy in the agent’s configuration');
    const others = bookOf(offloadPolicy('a', { podSelector: { matchLabels: { app: 'db' } } }));
    expect(sourceOf(others, web, annotations)).toBe(
      'annotation spillway.dev/policy of namespace default',
    );
  });

  test('then its namespace’s annotation, then the default', () => {
    expect(bookOf().policyFor(web, annotations).text).toBe('spread');
    expect(bookOf().policyFor(web, {}).text).toBe('nearest; rtt<=100');
  });

  test('a problem, where it can’t be read, and never the next one', () => {
    const unread = bookOf().policyFor(annotated(web, 'closest'), annotations);
    expect(unread.problem).toContain('unknown policy closest');
    const laxer = bookOf(offloadPolicy('a', { policy: 'closest' }));
    expect(laxer.policyFor(web, annotations).problem).toContain('unknown policy closest');
  });
});

describe('of several OffloadPolicies that select a pod goes', () => {
  test.each([
    ['the one of higher precedence', { a: {}, b: { precedence: 1 } }, 'b'],
    ['even without a selector', { a: webPods, b: { precedence: 1 } }, 'b'],
    ['among equals the one with a selector', { a: {}, b: webPods }, 'b'],
    ['and then the first by name', { b: webPods, a: webPods }, 'a'],
    ['one of negative precedence last', { a: { ...webPods, precedence: -1 }, b: {} }, 'b'],
  ] as readonly [string, Record<string, OffloadPolicySpec>, string][])('%s', (_, specs, wins) => {
    const policies = Object.entries(specs).map(([name, spec]) => offloadPolicy(name, spec));
    for (const order of [policies, policies.toReversed()]) {
      expect(sourceOf(bookOf(...order), web)).toBe(`OffloadPolicy default/${wins}`);
    }
  });

  test('another once it is deleted or changed', () => {
    const book = bookOf(offloadPolicy('a', { precedence: 1 }), offloadPolicy('b'));
    book.set(offloadPolicy('a', { precedence: -1 }));
    expect(sourceOf(book, web)).toBe('OffloadPolicy default/b');
    book.delete(offloadPolicy('b'));
    book.delete(offloadPolicy('a'));
    expect(sourceOf(book, web)).toBe('policy in the agent’s configuration');
    expect(book.namespaces()).toEqual([]);
  });
});

describe('what an OffloadPolicy says', () => {
  test('reads as the same text in an annotation', () => {
    const found = bookOf(
      offloadPolicy('a', {
        policy: 'cluster-affinity',
        required: [
          { selector: { matchLabels: { region: 'eu' } } },
          {
            selector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['spot'] }] },
          },
        ],
        preferred: [{ names: ['berlin', 'lyon'] }],
        refused: [
          {
            selector: {
              matchLabels: { zone: 'a' },
              matchExpressions: [{ key: 'gpu', operator: 'DoesNotExist' }],
            },
          },
        ],
        rttMsMax: 40,
        partition: 'fence',
      }),
    ).policyFor(web, {});
    expect(found.problem).toBeUndefined();
    expect(found.text).toBe(
      'cluster-affinity; require region=eu,tier!=spot; prefer name=berlin|lyon; refuse zone=a&!gpu; rtt<=40; fence',
    );
  });

  test.each([
    ['Always', {}, true],
    ['Never', {}, false],
    ['Matching', { podSelector: { matchLabels: { app: 'web' } } }, true],
    ['Matching', { podSelector: { matchLabels: { app: 'db' } } }, false],
  ] as const)('mayLeave %s %j: web may leave: %s', (pods, rest, expected) => {
    const book = bookOf(offloadPolicy('a', { mayLeave: { pods, ...rest } }));
    expect(book.policyFor(web, {}).policy.mayLeave).toBe(expected);
  });

  test('may be long', () => {
    const names = Array.from({ length: 32 }, (_, i) => `${'x'.repeat(37)}-${i}`);
    const found = bookOf(offloadPolicy('a', { refused: [{ names }] })).policyFor(web, {});
    expect(found.problem).toBeUndefined();
  });
});

describe('reports', () => {
  test('tell what is in force, what is shadowed and what can’t be read', () => {
    const book = bookOf(
      offloadPolicy('all', { precedence: 5 }),
      offloadPolicy('never-asked', webPods),
      offloadPolicy('odd', { ...webPods, precedence: 9, policy: 'closest' }),
    );
    expect(book.reports('default').map(({ name, reason }) => [name, reason])).toEqual([
      ['odd', 'Unreadable'],
      ['all', 'InForce'],
      ['never-asked', 'Shadowed'],
    ]);
  });
});
