/**
 * Quantities as `resource.Quantity` reads them (k8s.io/apimachinery v0.36): decimal and binary
 * suffixes, exponents, anything finer than a billionth rounded up, away from zero, and amounts
 * beyond 2^63 - 1 capped there. Exact: a quantity is a bigint of billionths.
 */
import type { Brand } from './brand.ts';
import { Fault } from './fault.ts';

/** Billionths of a unit. */
export type Quantity = Brand<bigint, 'Quantity'>;

const billion = 1_000_000_000n;
const billionthsMax = (2n ** 63n - 1n) * billion;
const pattern =
  /^([+-]?)(\d*)(?:\.(\d*))?(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d{1,18})$/;
const powersOfTen: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const powersOf1024: Readonly<Record<string, bigint>> = {
  Ki: 1n,
  Mi: 2n,
  Gi: 3n,
  Ti: 4n,
  Pi: 5n,
  Ei: 6n,
};

/** @throws Fault `InvalidQuantity` when Kubernetes would not take it. */
export function parseQuantity(input: string | number): Quantity {
  const text = typeof input === 'number' ? numberText(input) : input;
  const [, sign, whole = '', fraction = '', suffix = ''] = pattern.exec(text) ?? [];
  if (sign === undefined || (whole === '' && fraction === '')) {
    throw new Fault(
      'InvalidQuantity',
      `quantity ${JSON.stringify(input)}: expected a number with a suffix such as m, k, Mi, G or e3`,
    );
  }
  const digits = BigInt(whole + fraction);
  const binary = powersOf1024[suffix];
  const magnitude =
    binary === undefined
      ? scaled(digits, 9 + decimalPower(suffix) - fraction.length)
      : scaled(digits * 1024n ** binary, 9 - fraction.length);
  const capped = magnitude > billionthsMax ? billionthsMax : magnitude;
  return (sign === '-' ? -capped : capped) as Quantity;
}

/** Whole units, rounded up away from zero; saturates at ± (2^53 - 1). */
export function valueOf(quantity: Quantity): number {
  return saturated(dividedUp(quantity, billion));
}

/** Thousandths, rounded up away from zero; saturates at ± (2^53 - 1). */
export function milliValueOf(quantity: Quantity): number {
  return saturated(dividedUp(quantity, 1_000_000n));
}

function decimalPower(suffix: string): number {
  return powersOfTen[suffix] ?? Number(suffix.slice(1));
}

/** `digits` × 10^power, rounded up. */
function scaled(digits: bigint, power: number): bigint {
  // Beyond these, every amount is capped, or rounded up to a billionth.
  if (digits === 0n) return 0n;
  if (power > 60) return billionthsMax;
  if (power < -1000) return 1n;
  return power >= 0 ? digits * 10n ** BigInt(power) : dividedUp(digits, 10n ** BigInt(-power));
}

function dividedUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (quotient * divisor === value) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}

function saturated(value: bigint): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > limit ? limit : value < -limit ? -limit : value);
}

/** JSON numbers as they were written: Kubernetes takes `cpu: 0.5` and `memory: 1e9`. */
function numberText(input: number): string {
  return String(input).replace('e+', 'e');
}
