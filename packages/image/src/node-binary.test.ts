import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeVersion } from './node-binary.ts';

test('the image has the Node that the checkout and its tests run on', () => {
  const manifest = new URL('../../../package.json', import.meta.url);
  const { devDependencies } = JSON.parse(readFileSync(manifest, 'utf8'));
  expect(devDependencies.node).toBe(nodeVersion);
  expect(process.versions.node).toBe(nodeVersion);
});
