/** Numbers as people read them. The spaces before units do not break. */

const nbsp = '\u00a0';
const leastPercent = 0.001;

/** Of a ratio in 0 to 1; digits as far as they say something. */
export function percent(ratio: number): string {
  return `${percentNumber(ratio)}${nbsp}%`;
}

/** Without the sign; more digits the smaller it is. What is not 0 never reads 0. */
export function percentNumber(ratio: number): string {
  const value = ratio * 100;
  if (value === 0) return '0';
  if (value < leastPercent) return `<${nbsp}${leastPercent}`;
  if (value < 0.0995) return value.toFixed(3);
  return value.toFixed(value < 0.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Percentage points, with a sign unless they are next to none. */
export function points(difference: number): string {
  if (difference === 0) return '0';
  const size = Math.abs(difference);
  if (size * 100 < leastPercent) return `≈${nbsp}0`;
  return `${difference < 0 ? '−' : '+'}${percentNumber(size)}`;
}

export function duration(ms: number): string {
  return scaled(ms, [
    { unit: 'ms', size: 1, digits: 1 },
    { unit: 's', size: 1_000, digits: 1 },
    { unit: 'min', size: 60_000, digits: 1 },
    { unit: 'h', size: 3_600_000, digits: 1 },
  ]);
}

/** In thousands, as networks count. */
export function bytes(count: number): string {
  return scaled(count, [
    { unit: 'B', size: 1, digits: 0 },
    { unit: 'kB', size: 1_000, digits: 1 },
    { unit: 'MB', size: 1_000_000, digits: 1 },
  ]);
}

export function whole(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

interface Unit {
  readonly unit: string;
  /** In the smallest unit. */
  readonly size: number;
  /** Below 10. */
  readonly digits: 0 | 1;
}

/** In the largest unit of which it is at least one, once rounded: 59.99 s is 1 min. */
function scaled(value: number, units: readonly Unit[]): string {
  const fits = units.filter(({ size }, i) => {
    const smaller = units[i - 1];
    return smaller === undefined || Math.round(value / smaller.size) * smaller.size >= size;
  });
  const { unit, size, digits } = fits.at(-1) ?? { unit: '', size: 1, digits: 0 };
  const amount = value / size;
  return `${amount.toFixed(amount < 9.95 ? digits : 0).replace(/\.0$/, '')}${nbsp}${unit}`;
}
