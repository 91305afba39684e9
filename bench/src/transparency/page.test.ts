import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { families } from './families.ts';
import { publishedDocuments } from './page.ts';

test('docs/transparency.md is what the rows of the tests say', () => {
  const [page] = publishedDocuments();
  expect(page && readFileSync(page.file, 'utf8')).toBe(page?.text);
});

test('each row has a name of its own, by which its test is found', () => {
  const names = families.flatMap(({ rows }) => rows.map(({ feature }) => feature));
  expect(new Set(names).size).toBe(names.length);
});

test('a row that differs expects something else on a virtual node', () => {
  for (const { rows } of families)
    for (const { differs, expected } of rows)
      if (differs !== undefined) expect(differs.expected).not.toEqual(expected);
});
