import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalQuantity, milliValueOf, parseQuantity, valueOf } from './quantity.ts';

const suffixes = ['', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'E-2', 'e+1'];
const text = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.nat(999_999), fc.constantFrom(...suffixes))
  .map(([whole, fraction, suffix]) => `${whole}.${fraction}${suffix}`);

describe('quantities', () => {
  it('mean the same after being written canonically', () => {
    fc.assert(
      fc.property(text, (input) => {
        expect(parseQuantity(canonicalQuantity(input))).toBe(parseQuantity(input));
      }),
    );
  });

  it('have one canonical text', () => {
    fc.assert(
      fc.property(text, (input) => {
        const canonical = canonicalQuantity(input);
        expect(canonicalQuantity(canonical)).toBe(canonical);
      }),
    );
  });

  it('round up, never down, and by less than one', () => {
    fc.assert(
      fc.property(text, (input) => {
        const quantity = parseQuantity(input);
        const value = BigInt(valueOf(quantity)) * 1_000_000_000n;
        const milli = BigInt(milliValueOf(quantity)) * 1_000_000n;
        fc.pre(valueOf(quantity) < Number.MAX_SAFE_INTEGER / 1000);
        expect(value - quantity).toBeGreaterThanOrEqual(0n);
        expect(value - quantity).toBeLessThan(1_000_000_000n);
        expect(milli - quantity).toBeGreaterThanOrEqual(0n);
        expect(milli - quantity).toBeLessThan(1_000_000n);
      }),
    );
  });

  it('grow with their number and with their suffix', () => {
    const rising = [
      'n',
      'u',
      'm',
      '',
      'k',
      'Ki',
      'M',
      'Mi',
      'G',
      'Gi',
      'T',
      'Ti',
      'P',
      'Pi',
      'E',
      'Ei',
    ];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(rising.length - 2), (n, i) => {
        expect(parseQuantity(`${n}${rising[i]}`)).toBeLessThan(
          parseQuantity(`${n}${rising[i + 1]}`),
        );
        expect(parseQuantity(`${n}${rising[i]}`)).toBeLessThan(
          parseQuantity(`${n + 1}${rising[i]}`),
        );
      }),
    );
  });
});
