import { describe, expect, test } from 'vitest';
import { type AuditFigures, summedAudits } from './figures.ts';

const clean: AuditFigures = {
  podsChecked: 2,
  lost: 0,
  doubled: 0,
  overcommittedNodes: 0,
  orphans: 0,
};

function withLost(...uids: readonly string[]): AuditFigures {
  const lost = uids.map((uid) => ({ cluster: 'paris', pod: 'shop/web', uid, what: 'is nowhere' }));
  const findings = { lost, doubled: [], overcommittedNodes: [], orphans: [] };
  return { ...clean, lost: lost.length, findings };
}

describe('summedAudits', () => {
  test('adds up pods, and finds nothing where nothing was found', () => {
    expect(summedAudits([clean, clean, clean])).toEqual({ ...clean, podsChecked: 6 });
  });

  test('counts once what two of them found', () => {
    const sum = summedAudits([withLost('a'), withLost('a', 'b')]);
    expect([sum.lost, sum.findings?.lost.map(({ uid }) => uid)]).toEqual([2, ['a', 'b']]);
  });
});
