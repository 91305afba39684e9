import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { version } from './version.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('every package has the version that programs say', () => {
  const files = globSync('packages/*/package.json', { cwd: root });
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) {
    const manifest = JSON.parse(readFileSync(`${root}/${file}`, 'utf8')) as { version: string };
    expect([file, manifest.version]).toEqual([file, version]);
  }
});
