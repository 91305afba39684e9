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
        [{ key: 'region', operator: '=', values: ['eu'] }],
        [{ key: 'tier', operator: '!=', values: ['spot'] }],
      ],
      prefer: [[{ key: 'gpu', operator: 'exists', values: [] }]],
      refuse: [[{ key: 'name', operator: '=', values: ['lyon'] }]],
      rttMsMax: 40,
      partition: 'keep',
      mayLeave: true,
      preempt: 'last',
    });
  });

  it('reads terms of several requirements, and requirements of several values', () => {
    expect(parsePolicy('nearest; refuse tier=spot&!gpu, name=oslo|rome')).toMatchObject({
      refuse: [
        [
          { key: 'tier', operator: '=', values: ['spot'] },
          { key: 'gpu', operator: 'absent', values: [] },
        ],
        [{ key: 'name', operator: '=', values: ['oslo', 'rome'] }],
      ],
    });
  });

  it('reads what becomes of a pod in a partition, and whether it may leave at all', () => {
    expect(parsePolicy('nearest; fence')).toMatchObject({ partition: 'fence', mayLeave: true });
    expect(parsePolicy('nearest; preempt first')).toMatchObject({ preempt: 'first' });
    expect(parsePolicy('nearest; stay')).toMatchObject({ partition: 'keep', mayLeave: false });
  });

  it('is written back as a text that means the same', () => {
    const text =
      'spread; require region=eu,tier!=spot|old; prefer gpu&!slow; refuse name=lyon; rtt<=12.5; fence; stay; preempt first';
    const policy = parsePolicy(text);
    expect('problem' in policy ? policy.problem : policyText(policy)).toBe(text);
  });

  it.each([
    ['', 'unknown policy (empty); there are nearest'],
    ['closest', 'unknown policy closest; there are nearest'],
    [
      'nearest; rtt<40',
      'can\'t read "rtt<40"; rules are require, prefer, refuse, rtt<=MS, fence, stay and preempt first',
    ],
    ['nearest; require', 'can\'t read "require"'],
    ['nearest; require a b', 'can\'t read "a b"; expected key=value, key!=value, key or !key'],
    ['nearest; refuse !tier=spot', 'can\'t read "!tier=spot"'],
    ['nearest; refuse a&', 'can\'t read "a&"'],
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
    ['region', '=', 'us|eu', true],
    ['region', '!=', 'us|eu', false],
    ['tier', 'absent', '', true],
    ['region', 'absent', '', false],
  ] as const)('%s %s %s: %s', (key, operator, value, expected) => {
    expect(meets([{ key, operator, values: value.split('|') }], berlin)).toBe(expected);
  });

  it('wants all of a term', () => {
    const eu = { key: 'region', operator: '=', values: ['eu'] } as const;
    const spot = { key: 'tier', operator: '=', values: ['spot'] } as const;
    expect(meets([eu], berlin)).toBe(true);
    expect(meets([eu, spot], berlin)).toBe(false);
  });
});
