import { parsePolicy } from '@spillway/federation';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAttributes } from './attributes.ts';
import { parseDays } from './validity.ts';

describe('attributes', () => {
  test('are refused by a fault, or can all be named by a policy', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.stringMatching(/^\w+=[\w./-]*$/))), (pairs) => {
        let attributes: Readonly<Record<string, string>>;
        try {
          attributes = parseAttributes(pairs);
        } catch (error) {
          expect(error).toMatchObject({ name: 'Fault', code: 'InvalidInput' });
          return;
        }
        expect(Object.keys(attributes)).toHaveLength(pairs.length);
        for (const [key, value] of Object.entries(attributes)) {
          const policy = parsePolicy(`nearest; require ${key}=${value}`);
          expect(policy).toMatchObject({
            require: [[{ key, operator: '=', values: [value] }]],
          });
        }
      }),
    );
  });

  test.each([
    [Array.from({ length: 65 }, (_, i) => `k${i}=`), 'Maximum 64 attributes'],
    [[`${'k'.repeat(318)}=`], 'Maximum 317 characters'],
    [[`k=${'v'.repeat(257)}`], 'Maximum 256 characters'],
    [['region'], 'expected key=value'],
    [['region=eu|us'], 'a value has'],
    [['region=\u202Eeu'], 'a value has'],
  ])('beyond their bounds are refused (%#)', (pairs, problem) => {
    expect(() => parseAttributes(pairs)).toThrow(problem);
  });
});

describe('days', () => {
  test('are refused by a fault, or end on a date that can be said', () => {
    const texts = fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String));
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 4_102_444_800_000 }), (text, now) => {
        let ms: number;
        try {
          ms = parseDays(text);
        } catch (error) {
          expect(error).toMatchObject({ name: 'Fault', code: 'InvalidInput' });
          return;
        }
        expect(Number.isInteger(ms)).toBe(true);
        expect(Date.parse(new Date(now + ms).toISOString())).toBeGreaterThan(now);
      }),
    );
  });

  test.each(['', ' 5', '0x10', '1e2', '-1', '+1', 'Infinity', 'NaN', '١', '3650.1', '0.009'])(
    '%j is none',
    (text) => {
      expect(() => parseDays(text)).toThrow('expected a number from 0.01 to 3650');
    },
  );

  test('a quarter of an hour to ten years are', () => {
    expect(parseDays('0.01')).toBe(864_000);
    expect(parseDays('3650')).toBe(3650 * 86_400_000);
  });
});
