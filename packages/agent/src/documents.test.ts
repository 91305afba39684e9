import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { publishedDocuments } from './documents.ts';

const [{ file, text } = { file: '', text: '' }] = publishedDocuments();

test('docs/configuration.md is as the schema says (npm run generate-docs)', () => {
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('every key has a type, a default, a variable and a description', () => {
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(40);
  for (const row of rows) {
    expect(row).toMatch(/^\| `[\w.]+` \| [^|]+ \| `[^|]+` \| `SPILLWAY_[A-Z_]+` \| [^|]+\. \|$/);
  }
});
