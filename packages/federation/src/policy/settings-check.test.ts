import { describe, expect, it } from 'vitest';
import { settingProblems } from './settings-check.ts';

describe('settingProblems', () => {
  it.each([
    ['Namespace', { labels: { 'spillway.dev/offload': 'enabled' } }],
    ['Namespace', { labels: { 'spillway.dev/offload': 'disabled' } }],
    ['Namespace', { annotations: { 'spillway.dev/policy': 'nearest; rtt<=40' } }],
    ['Namespace', { labels: { 'spillway.dev/home': 'paris' } }],
    ['Pod', { annotations: { 'spillway.dev/policy': 'spread', 'example.com/policy': 'x' } }],
    ['Pod', {}],
  ] as const)('finds nothing in a %s with %j', (owner, metadata) => {
    expect(settingProblems(owner, metadata)).toEqual([]);
  });

  it.each([
    [
      'Namespace',
      { labels: { 'spillway.dev/offload': 'true' } },
      'label spillway.dev/offload=true has no effect: spillway.dev/offload=enabled lets pods leave',
    ],
    [
      'Namespace',
      { annotations: { 'spillway.dev/offload': 'enabled' } },
      'annotation spillway.dev/offload has no effect: it is a label',
    ],
    [
      'Namespace',
      { labels: { 'spillway.dev/policy': 'nearest' } },
      'label spillway.dev/policy has no effect: it is an annotation',
    ],
    [
      'Namespace',
      { labels: { 'spillway.dev/ofload': 'enabled' } },
      'label spillway.dev/ofload has no effect: spillway.dev/offload may be meant',
    ],
    [
      'Pod',
      { annotations: { 'spilway.dev/polcy': 'nearest' } },
      'annotation spilway.dev/polcy has no effect: spillway.dev/policy may be meant',
    ],
    [
      'Pod',
      { labels: { 'spillway.dev/offload': 'enabled' } },
      'label spillway.dev/offload has no effect on a pod: it is a label of namespaces',
    ],
  ] as const)('tells the author of a %s with %j', (owner, metadata, problem) => {
    expect(settingProblems(owner, metadata)).toEqual([problem]);
  });

  it('says why a policy can’t be read', () => {
    const [problem] = settingProblems('Pod', { annotations: { 'spillway.dev/policy': 'closest' } });
    expect(problem).toMatch(/^annotation spillway\.dev\/policy can't be read: .*closest/);
  });
});
