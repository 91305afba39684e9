import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledPackages, thirdPartyNotices } from './bundled-packages.ts';

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'spillway-bundled-'));
  const manifests = {
    'node_modules/a/package.json': { name: 'a', version: '1.0.0', license: 'MIT' },
    // Only says how to read the folder: it is no package.
    'node_modules/a/esm/package.json': { type: 'module' },
    'node_modules/@s/b/package.json': { name: '@s/b', version: '2.0.0', license: { type: 'ISC' } },
    'packages/own/package.json': { name: '@spillway/own', version: '0.1.0' },
  };
  for (const [file, manifest] of Object.entries(manifests)) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    writeFileSync(join(root, file), JSON.stringify(manifest));
  }
  writeFileSync(join(root, 'node_modules/a/LICENSE.md'), 'as is\n');
});

afterAll(() => rmSync(root, { recursive: true }));

function packagesOf(bytesOf: Record<string, number>) {
  const inputs = Object.fromEntries(
    Object.entries(bytesOf).map(([file, bytesInOutput]) => [file, { bytesInOutput }]),
  );
  return bundledPackages({ outputs: { 'agent.mjs': { inputs } } }, root);
}

describe('bundledPackages', () => {
  test('names each package of which something was kept once, in order', () => {
    const found = packagesOf({
      'node_modules/a/esm/index.js': 10,
      'node_modules/a/esm/more.js': 1,
      'node_modules/@s/b/index.js': 5,
      'packages/own/src/index.ts': 7,
    });
    expect(found).toEqual([
      { name: '@s/b', version: '2.0.0', license: '', description: '', notices: '' },
      { name: 'a', version: '1.0.0', license: 'MIT', description: '', notices: 'as is' },
    ]);
  });

  test('leaves out what was shaken off whole', () => {
    expect(packagesOf({ 'node_modules/a/esm/index.js': 0 })).toEqual([]);
  });
});

describe('thirdPartyNotices', () => {
  test('says of each package what its licence asks to pass on', () => {
    const notices = thirdPartyNotices(packagesOf({ 'node_modules/a/esm/index.js': 10 }));
    expect(notices).toBe('a 1.0.0 (MIT)\n\nas is\n');
  });
});
