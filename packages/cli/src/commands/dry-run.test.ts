import type { DryRunResponse } from '@spillway/agent/api-schemas';
import { describe, expect, test } from 'vitest';
import { dryRunText } from './dry-run.ts';

const batch: DryRunResponse['batches'][number] = {
  name: 'deployment/web',
  namespace: 'shop',
  count: 2,
  scheduler: 'spillway',
  policy: { text: 'nearest', source: 'the default' },
  home: [],
  preempting: [],
  neighbours: [],
  opensPorts: false,
  guestNamespace: 'spillway-paris-shop',
  needs: [],
  nowhere: 0,
  whyNotHome: [],
  stays: [],
  others: [],
};

function textOf(change: Partial<typeof batch>, asked = false, unknownClasses: string[] = []) {
  const answer = { cluster: 'paris', batches: [{ ...batch, ...change }] };
  return dryRunText(answer, { skipped: [], asked, unknownClasses });
}

describe('dry-run', () => {
  test('says in one line what it has not checked', () => {
    const here = 'Not checked: quota, Pod Security and webhooks of paris';
    expect(textOf({})).toContain(`${here}; the same of neighbours (--ask checks it).`);
    expect(textOf({}, true)).toContain(`${here}.`);
    expect(textOf({ scheduler: 'offered' }, true)).toContain(
      `${here}; preemption by the cluster’s own scheduler.`,
    );
    expect(textOf({}, true, ['urgent'])).toContain(
      `${here}; the priority of PriorityClass urgent.`,
    );
  });

  test('says whose service account it has not read', () => {
    const answer = { cluster: 'paris', batches: [batch] };
    const text = dryRunText(answer, { skipped: [], asked: true, accounts: ['robot'] });
    expect(text).toContain('; automountServiceAccountToken of ServiceAccount robot.');
  });

  test('says which pods would end at home, a few by name', () => {
    const victims = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ namespace: 'shop', name }));
    const text = textOf({ preempting: [{ node: 'node-1', count: 2, victims }] });
    expect(text).toMatch(
      /2 +paris \(home\) +node-1, after it ends 5 pods of lower priority \(shop\/a, shop\/b, shop\/c and 2 more\)/,
    );
  });
});
