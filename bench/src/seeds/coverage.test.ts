import { coveredStates, faultKinds, noVisits } from '@spillway/simulator';
import { expect, test } from 'vitest';
import { addVisits, coverageText } from './coverage.ts';

test('coverageText › shows every state under every fault in lines of 80 columns', () => {
  const visits = noVisits();
  for (const state of coveredStates)
    for (const fault of faultKinds) visits[state][fault] = 123_456_789;
  const text = coverageText(visits);
  expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  for (const state of coveredStates) expect(text).toMatch(new RegExp(` ${state}\\b`));
  expect(text.match(/123M/g)).toHaveLength(coveredStates.length * faultKinds.length);
  expect(text).not.toContain('never visited');
});

test('coverageText › names the pairs that no world has visited', () => {
  const visits = noVisits();
  for (const state of coveredStates) for (const fault of faultKinds) visits[state][fault] = 1;
  visits.running['hand-over'] = 0;
  expect(coverageText(visits)).toMatch(/\n\nnever visited: running × hand-over$/);
});

test('addVisits › adds pair by pair', () => {
  const [sum, more] = [noVisits(), noVisits()];
  sum.running.cut = 2;
  more.running.cut = 3;
  more.gone.cut = 1;
  addVisits(sum, more);
  expect([sum.running.cut, sum.gone.cut, sum.running.crash]).toEqual([5, 1, 0]);
});
