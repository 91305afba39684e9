import { expect, test } from 'vitest';
import type { Result } from '../results/result.ts';
import { fakeReport } from '../html-report/testing/fake-report.ts';
import { agreementOf } from './agree.ts';

/** One moment per second, with this many of ten pods pending. */
function result(...pending: readonly number[]): Result {
  const [sample] = fakeReport().results;
  if (sample === undefined) throw new Error('the fake report has results');
  const course = pending.map((count, i) => ({
    atMs: 1_000 * i,
    existing: 10,
    pending: count,
    demanded: 10,
    served: 10 - count,
  }));
  return { ...sample, series: { ...sample.series, course } };
}

test('courses agree when one is as the other was a few seconds before or after', () => {
  const pending = (from: number, to: number): Result =>
    result(...Array.from({ length: 60 }, (_, i) => (i >= from && i < to ? 5 : 0)));
  const model = pending(20, 40);
  expect(agreementOf(pending(23, 42), [model]).agrees).toBe(true);
  // Half of the pods wait 15 s longer: averaged over 10 s they are still half of all when the model's have long run.
  const late = agreementOf(pending(20, 55), [model]);
  expect(late.agrees).toBe(false);
  expect(late.apart).toBeCloseTo(0.5);
  // One of several courses that is like it is enough.
  expect(agreementOf(pending(20, 55), [model, pending(20, 55)]).agrees).toBe(true);
});
