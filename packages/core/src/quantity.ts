/**
 * Quantities as `resource.Quantity` reads them (k8s.io/apimachinery v0.36): with decimal and binary
 * suffixes, and with exponents. Anything finer than a billionth is rounded up, away from zero. Binary
 * amounts have 2^63 - 1 as their maximum. Exact: a quantity is a bigint of billionths. It reads what
 * upstream reads, also oddities such as `.5`, `1.` and `m` (nothing at all).
 */
import type { Brand } from './brand.ts';
import { Fault, isFault } from './fault.ts';

/** Billionths of a unit. Compare, add and subtract with the ordinary operators. */
export type Quantity = Brand<bigint, 'Quantity'>;

/** Texts whose quantities are remembered: pods of a cluster ask for few different amounts. */
const rememberedMax = 4_096;
const remembered = new Map<string, Quantity>();

const billion = 1_000_000_000n;
const billionthsMax = (2n ** 63n - 1n) * billion;
/** Nobody means more: 10^60 units. Keeps a short text from becoming a long number. */
const powerOfTenMax = 69;
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
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const quantity = parsed(text);
  if (remembered.size >= rememberedMax) remembered.clear();
  remembered.set(text, quantity);
  return quantity;
}

/** Whole units, rounded up away from zero; saturates at ± (2^53 - 1). */
export function valueOf(quantity: Quantity): number {
  return smallDividedUp(quantity, 1e9) ?? saturated(dividedUp(quantity, billion));
}

/** Thousandths, rounded up away from zero; saturates at ± (2^53 - 1). */
export function milliValueOf(quantity: Quantity): number {
  return smallDividedUp(quantity, 1e6) ?? saturated(dividedUp(quantity, 1_000_000n));
}

/**
 * The one way in which Kubernetes writes this amount, in the family of suffixes that `input` uses:
 * `1024Mi` → `1Gi`, `0.5` → `500m`, `1e4` → `10e3`.
 * @throws Fault `InvalidQuantity`
 */
export function canonicalQuantity(input: string | number): string {
  const quantity = parseQuantity(input);
  if (quantity === 0n) return '0';
  const suffix = /[A-Za-z].*$/.exec(String(input))?.[0] ?? '';
  // Upstream's BinarySI falls back to decimals below 1024 and for fractions.
  const binary = suffix in powersOf1024 && quantity % billion === 0n;
  if (binary && (quantity >= 1024n * billion || quantity <= -1024n * billion)) {
    return binaryText(quantity / billion);
  }
  return decimalText(quantity, /^[eE][+-]?\d/.test(suffix));
}

function binaryText(units: bigint): string {
  let [rest, power] = [units, 0];
  while (rest % 1024n === 0n && power < 6) {
    rest /= 1024n;
    power += 1;
  }
  return `${rest}${['', ...Object.keys(powersOf1024)][power] ?? ''}`;
}

function decimalText(quantity: bigint, asExponent: boolean): string {
  const powerMax = asExponent ? Number.POSITIVE_INFINITY : 18;
  let [rest, power] = [quantity, -9];
  while (rest % 1000n === 0n && power < powerMax) {
    rest /= 1000n;
    power += 3;
  }
  if (asExponent) return power === 0 ? `${rest}` : `${rest}e${power}`;
  const suffix = Object.keys(powersOfTen).find((name) => powersOfTen[name] === power) ?? '';
  return `${rest}${suffix}`;
}

/** An amount of the resource `name`. @throws Fault `InvalidQuantity` naming it. */
export function quantityOf(name: string, text: string | number): Quantity {
  try {
    return parseQuantity(text);
  } catch (error) {
    if (!isFault(error, 'InvalidQuantity')) throw error;
    throw new Fault('InvalidQuantity', `${name}: ${error.message}`, { cause: error });
  }
}

function parsed(text: string): Quantity {
  const [, sign, whole = '', fraction = '', suffix = ''] = pattern.exec(text) ?? [];
  const nothing = whole === '' && fraction === '';
  if (sign === undefined || text === '' || (nothing && /[PE]i$/.test(suffix))) {
    throw new Fault(
      'InvalidQuantity',
      `quantity ${JSON.stringify(text)}: expected a number with a suffix such as m, k, Mi, G or e3`,
    );
  }
  const digits = BigInt(whole + fraction);
  const binary = powersOf1024[suffix];
  let magnitude: bigint;
  if (binary === undefined) {
    magnitude = scaled(digits, 9 + decimalPower(suffix) - fraction.length);
  } else {
    magnitude = scaled(digits * 1024n ** binary, 9 - fraction.length);
    if (magnitude > billionthsMax) magnitude = billionthsMax;
  }
  return (sign === '-' ? -magnitude : magnitude) as Quantity;
}

function decimalPower(suffix: string): number {
  return powersOfTen[suffix] ?? Number(suffix.slice(1));
}

/** `digits` × 10^power, rounded up. */
function scaled(digits: bigint, power: number): bigint {
  if (digits === 0n) return 0n;
  if (power >= 0) return digits * 10n ** BigInt(Math.min(power, powerOfTenMax));
  return power < -1000 ? 1n : dividedUp(digits, 10n ** BigInt(-power));
}

/** `dividedUp` in exact numbers, which are faster; undefined where they are not exact. */
function smallDividedUp(quantity: Quantity, divisor: number): number | undefined {
  const value = Number(quantity);
  if (!Number.isSafeInteger(value)) return undefined;
  const rest = value % divisor;
  const quotient = (value - rest) / divisor;
  return rest === 0 ? quotient : quotient + Math.sign(rest);
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
