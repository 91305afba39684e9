import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { publishedDocuments } from './documents.ts';

const [{ text } = { text: '' }] = publishedDocuments();

test('generated pages are as the code says (npm run generate-docs)', () => {
  for (const page of publishedDocuments()) {
    expect(readFileSync(page.file, 'utf8')).toBe(page.text);
  }
});

test('every key has a type, a default, a variable and a description', () => {
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(40);
  for (const row of rows) {
    expect(row).toMatch(/^\| `[\w.]+` \| [^|]+ \| `[^|]+` \| `SPILLWAY_[A-Z_]+` \| [^|]+\. \|$/);
  }
});
