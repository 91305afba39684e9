import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type ImageFile, textFile } from './file-tree.ts';
import { buildLayer, digestOf, tarOf } from './layer.ts';
import { readTar } from './tar-entries.ts';

const epoch = new Date(0);
const files: [string, ImageFile][] = [
  ['app/agent.mjs', textFile('run()')],
  ['nodejs/bin/node', textFile('ELF', 0o755)],
  ['lib/libc.so', { kind: 'link', target: 'libc.so.6' }],
  ['tmp', { kind: 'folder', mode: 0o1777 }],
];

describe('buildLayer', () => {
  test('gives equal bytes for equal trees, in whatever order they were made', async () => {
    const one = await buildLayer('app', new Map(files), epoch);
    const other = await buildLayer('app', new Map(files.toReversed()), epoch);
    expect(other.digest).toBe(one.digest);
    expect(other.diffId).toBe(one.diffId);
  });

  test('has the digests of what is stored and of the tar in it', async () => {
    const { blob, digest, diffId } = await buildLayer('app', new Map(files), epoch);
    expect(digest).toBe(digestOf(blob));
    expect(diffId).toBe(digestOf(zstdDecompressSync(blob)));
  });

  test('differs when a file, a mode or the time does', async () => {
    const digest = async (tree: [string, ImageFile][], time = epoch) =>
      (await buildLayer('app', new Map(tree), time)).diffId;
    const digests = await Promise.all([
      digest(files),
      digest([...files, ['more', textFile('')]]),
      digest([['app/agent.mjs', textFile('run()', 0o755)], ...files.slice(1)]),
      digest(files, new Date(1_000)),
    ]);
    expect(new Set(digests).size).toBe(4);
  });
});

describe('tarOf', () => {
  test('holds every parent folder before what lies in it, and reads back as it was', async () => {
    const tree = await readTar(await tarOf(new Map(files), epoch), (path) => path);
    expect([...tree.keys()]).toEqual([
      'app',
      'app/agent.mjs',
      'lib',
      'lib/libc.so',
      'nodejs',
      'nodejs/bin',
      'nodejs/bin/node',
      'tmp',
    ]);
    expect(tree.get('lib/libc.so')).toEqual({ kind: 'link', target: 'libc.so.6' });
    expect(tree.get('nodejs/bin/node')).toEqual(textFile('ELF', 0o755));
  });
});
