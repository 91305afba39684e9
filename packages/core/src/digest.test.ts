import { expect, test } from 'vitest';
import { digest } from './digest.ts';

test('equal texts have equal digests, and texts that differ a little have not', () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `{"name":"pod-${i}","cpu":"${i % 7}"}`);
  expect(new Set(texts.map(digest)).size).toBe(texts.length);
  expect(texts.map(digest)).toEqual(texts.map(digest));
  expect(digest('')).toMatch(/^[0-9a-f]{16}$/);
});
