import { expect, test } from 'vitest';
import type { Result } from '../results/result.ts';
import { fakeReport } from '../html-report/testing/fake-report.ts';
import { agreementOf } from './agree.ts';

/** One moment a second; of ten pods so many pending. */
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
  const model = result(0, 0, 5, 5, 5, 0, 0, 0, 0, 0, 0, 0);
  expect(agreementOf(result(0, 0, 0, 0, 5, 5, 5, 0, 0, 0, 0, 0), model).agrees).toBe(true);
  // Five seconds after the model's last pending pod the live one still has one of ten: 10 points.
  const late = agreementOf(result(0, 0, 5, 5, 5, 0, 0, 0, 0, 1, 0, 0), model);
  expect(late.agrees).toBe(false);
  expect(late.apart).toBeCloseTo(0.1);
});
