import { describe, expect, it } from 'vitest';
import { canonicalQuantity, milliValueOf, parseQuantity, valueOf } from './quantity.ts';
import { upstreamQuantities } from './testing/upstream-quantities.ts';

describe('parseQuantity', () => {
  it.each(upstreamQuantities.filter(([, canonical]) => canonical === 'invalid'))(
    'refuses %j as apimachinery does',
    (input, _canonical, _value, _milliValue) => {
      expect(() => parseQuantity(input)).toThrow(
        expect.objectContaining({ code: 'InvalidQuantity' }),
      );
    },
  );

  it.each(upstreamQuantities.filter(([, canonical]) => canonical !== 'invalid'))(
    'reads %j as apimachinery does',
    (input, canonical, value, milliValue) => {
      const quantity = parseQuantity(input);
      expect(canonicalQuantity(input)).toBe(canonical);
      if (value === '') return;
      expect(valueOf(quantity)).toBe(saturated(value));
      expect(milliValueOf(quantity)).toBe(saturated(milliValue));
    },
  );

  it('takes JSON numbers', () => {
    expect(milliValueOf(parseQuantity(0.5))).toBe(500);
    expect(valueOf(parseQuantity(1e21))).toBe(Number.MAX_SAFE_INTEGER);
    expect(valueOf(parseQuantity(1e-7))).toBe(1);
  });

  it('is not slowed down by a short text that means a long number', () => {
    expect(valueOf(parseQuantity('1e999999999999999999'))).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseQuantity('1e-999999999999999999')).toBe(1n);
  });
});

function saturated(text: string): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  const value = BigInt(text);
  return Number(value > limit ? limit : value < -limit ? -limit : value);
}
