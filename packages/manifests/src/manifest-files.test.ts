import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifestSources } from './manifest-files.ts';

let folder: string;
const pathBefore = process.env['PATH'];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-manifests-'));
  for (const [name, content] of [
    ['b.yaml', 'b'],
    ['a.yml', 'a'],
    ['c.json', 'c'],
    ['notes.txt', 'no manifest'],
    ['binary.yaml.gz', Buffer.from([0x1f, 0x8b, 0xff, 0xfe])],
    ['zeros', Buffer.alloc(10)],
  ] as const)
    writeFileSync(join(folder, name), content);
  mkdirSync(join(folder, 'empty'));
  mkdirSync(join(folder, 'kustomized'));
  writeFileSync(join(folder, 'kustomized/kustomization.yaml'), 'resources: []');
});

afterAll(() => {
  process.env['PATH'] = pathBefore;
  rmSync(folder, { recursive: true });
});

describe('manifestSources', () => {
  it('takes files as they are named, and a folder’s manifests in the order of their names', () => {
    const [file, ...all] = manifestSources([join(folder, 'b.yaml'), folder]);
    expect(file).toEqual({ name: join(folder, 'b.yaml'), text: 'b' });
    expect(all.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['nowhere.yaml', "nowhere.yaml can't be read: ENOENT"],
    ['empty', 'empty has no .yaml, .yml or .json file'],
    ['binary.yaml.gz', 'is not text'],
    ['zeros', 'is not text'],
  ])('refuses %s, and names it', (name, problem) => {
    expect(() => manifestSources([join(folder, name)])).toThrow(problem);
  });

  it('refuses what is larger than an API server could take, without reading it', () => {
    const large = join(folder, 'large.txt');
    writeFileSync(large, Buffer.alloc(16 * 1024 * 1024 + 1, 'x'));
    expect(() => manifestSources([large])).toThrow('Maximum 16 MiB');
  });

  it('reads standard input once', () => {
    expect(() => manifestSources(['-', '-'])).toThrow('use it once');
  });

  it('says that a kustomization needs kubectl', () => {
    process.env['PATH'] = join(folder, 'empty');
    expect(() => manifestSources([join(folder, 'kustomized')])).toThrow(
      'kubectl is not on the PATH',
    );
  });
});
