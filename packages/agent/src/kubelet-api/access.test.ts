import type { NodeAccess, User } from '@spillway/kubernetes';
import { describe, expect, test } from 'vitest';
import { accessesTo, bearerToken, refusalOf, userOfCertificate } from './access.ts';

const paris: User = { username: 'paris' };

/** What a user was asked for, and what he may. */
function reviewing(...allowed: readonly string[]) {
  const asked: string[] = [];
  return {
    asked,
    userOf: async () => undefined,
    mayUse: async (_: User, { verb, subresource, node }: NodeAccess) => {
      asked.push(`${verb} nodes/${subresource} ${node}`);
      return allowed.includes(subresource);
    },
  };
}

describe('a right on the virtual node', () => {
  test.each([
    ['stream', 'GET', ['get nodes/proxy n']],
    ['stream', 'POST', ['create nodes/proxy n']],
    ['health', 'GET', ['get nodes/healthz n', 'get nodes/proxy n']],
    ['other', 'DELETE', ['delete nodes/proxy n']],
  ] as const)('for a %s by %s is asked as a kubelet asks it', async (what, method, expected) => {
    const reviews = reviewing();
    const refusal = await refusalOf(reviews, paris, accessesTo(what, method, 'n'));
    expect(reviews.asked).toEqual(expected);
    expect(refusal?.status).toBe(403);
    expect(refusal?.message).toContain('user=paris');
  });

  test('is enough by one of the subresources', async () => {
    const accesses = accessesTo('health', 'GET', '');
    expect(await refusalOf(reviewing('proxy'), paris, accesses)).toBe(undefined);
    expect(await refusalOf(reviewing('healthz'), paris, accesses)).toBe(undefined);
  });

  test('does not help who is nobody, and nothing is asked of him', async () => {
    const reviews = reviewing('proxy');
    const refusal = await refusalOf(reviews, undefined, accessesTo('stream', 'GET', 'n'));
    expect(refusal).toEqual({ status: 401, message: 'Unauthorized' });
    expect(reviews.asked).toEqual([]);
  });
});

describe('a client certificate', () => {
  const subjectOf = (subject: object) => ({ subject }) as Parameters<typeof userOfCertificate>[0];

  test('names its user, and the groups that he is in', () => {
    const certificate = subjectOf({ CN: 'apiserver', O: ['system:masters', 'b'] });
    expect(userOfCertificate(certificate)).toEqual({
      username: 'apiserver',
      groups: ['system:masters', 'b', 'system:authenticated'],
    });
    expect(userOfCertificate(subjectOf({ CN: 'x', O: 'one' }))?.groups).toEqual([
      'one',
      'system:authenticated',
    ]);
  });

  test('names nobody without a common name, or with two', () => {
    expect(userOfCertificate(subjectOf({ O: 'system:masters' }))).toBe(undefined);
    expect(userOfCertificate(subjectOf({ CN: ['a', 'b'] }))).toBe(undefined);
  });
});

test.each([
  ['Bearer abc', 'abc'],
  ['bearer  abc', 'abc'],
  ['Basic abc', undefined],
  ['Bearer ', undefined],
  ['Bearer a b', undefined],
  [undefined, undefined],
])('the token of %j is %j', (header, token) => {
  expect(bearerToken(header)).toBe(token);
});
