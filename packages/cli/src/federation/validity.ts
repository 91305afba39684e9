/** `--days`: for how long a certificate is good. */
import { Fault } from '@spillway/core';

/** A quarter of an hour, for trials. */
const daysMin = 0.01;
/** Ten years: longer than anybody remembers where the root is. */
const daysMax = 3650;
const dayMs = 24 * 60 * 60 * 1000;

/** In ms. @throws Fault `InvalidInput` */
export function parseDays(text: string): number {
  const days = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (days >= daysMin && days <= daysMax) return Math.round(days * dayMs);
  throw new Fault(
    'InvalidInput',
    `--days ${JSON.stringify(text.slice(0, 80))}: expected a number from ${daysMin} to ${daysMax}`,
  );
}
