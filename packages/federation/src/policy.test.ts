import { clusterName } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { meets, nearest, parsePolicy, policyNames, policyText } from './policy.ts';

describe('parsePolicy', () => {
  it.each(policyNames.filter((name) => name !== 'cluster-affinity'))('reads %s alone', (name) => {
    expect(parsePolicy(name)).toEqual({ ...nearest, name });
  });

  it('reads rules in any order, several to a rule', () => {
    expect(
      parsePolicy(
        'cluster-affinity; require region=eu,tier!=spot; refuse name=lyon; rtt<=40; prefer gpu',
      ),
    ).toEqual({
      name: 'cluster-affinity',
      require: [
        { key: 'region', operator: '=', value: 'eu' },
        { key: 'tier', operator: '!=', value: 'spot' },
      ],
      prefer: [{ key: 'gpu', operator: 'exists', value: '' }],
      refuse: [{ key: 'name', operator: '=', value: 'lyon' }],
      rttMsMax: 40,
    });
  });

  it('is written back as a text that means the same', () => {
    const text = 'spread; require region=eu,tier!=spot; prefer gpu; refuse name=lyon; rtt<=12.5';
    const policy = parsePolicy(text);
    expect('problem' in policy ? policy.problem : policyText(policy)).toBe(text);
  });

  it.each([
    ['', 'unknown policy (empty); there are nearest'],
    ['closest', 'unknown policy closest; there are nearest'],
    ['nearest; rtt<40', 'can\'t read "rtt<40"; rules are require, prefer, refuse and rtt<=MS'],
    ['nearest; require', 'can\'t read "require"'],
    ['nearest; require a b', 'can\'t read "a b"; expected key=value, key!=value or key'],
    ['cluster-affinity', 'cluster-affinity needs at least one require or prefer'],
    [`nearest; require ${'x'.repeat(2_000)}`, 'longer than 1024 characters'],
  ])('says what is wrong with %j', (text, problem) => {
    const parsed = parsePolicy(text);
    expect('problem' in parsed ? parsed.problem : 'read').toContain(problem);
  });
});

describe('meets', () => {
  const berlin = { name: clusterName('berlin'), labels: { region: 'eu' } };

  it.each([
    ['region', '=', 'eu', true],
    ['region', '=', 'us', false],
    ['region', '!=', 'us', true],
    // As in Kubernetes: a label that is not there is not equal to anything.
    ['tier', '!=', 'spot', true],
    ['region', 'exists', '', true],
    ['tier', 'exists', '', false],
    ['name', '=', 'berlin', true],
    ['name', '!=', 'berlin', false],
  ] as const)('%s %s %s: %s', (key, operator, value, expected) => {
    expect(meets({ key, operator, value }, berlin)).toBe(expected);
  });
});
