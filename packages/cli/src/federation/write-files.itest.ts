/** On the real file system. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeFiles } from './write-files.ts';

const forEver = fileURLToPath(new URL('../testing/write-for-ever.ts', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('writing files', () => {
  test('gives the mode whatever the umask is and whatever mode was there', () => {
    const file = join(folder, 'key');
    writeFileSync(file, 'old');
    chmodSync(file, 0o644);
    const umask = process.umask(0o277);
    try {
      writeFiles([{ file, text: 'new', mode: 0o600 }]);
    } finally {
      process.umask(umask);
    }
    expect(statSync(file).mode & 0o7777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  test('replaces neither a symbolic link nor a folder, and then none of the others', () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'theirs');
    symlinkSync(other, join(folder, 'link'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    mkdirSync(join(folder, 'sub'));
    for (const name of ['link', 'dangling', 'sub']) {
      const files = ['first', name].map((each) => join(folder, each));
      expect(() => writeFiles(files.map((file) => ({ file, text: 'x', mode: 0o600 })))).toThrow(
        'it is not replaced',
      );
    }
    expect(readdirSync(folder).toSorted()).toEqual(['dangling', 'link', 'other', 'sub']);
    expect(readFileSync(other, 'utf8')).toBe('theirs');
  });

  test('does not follow a link that someone has put in place of the temporary file', () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'theirs');
    symlinkSync(other, join(folder, '.key.new'));
    writeFiles([{ file: join(folder, 'key'), text: 'mine', mode: 0o600 }]);
    expect(readFileSync(other, 'utf8')).toBe('theirs');
    expect(statSync(join(folder, 'key')).mode & 0o7777).toBe(0o600);
  });

  test('leaves the old files when there is no room for the new ones', () => {
    for (const name of ['one', 'two']) writeFileSync(join(folder, name), 'old');
    // No file of this process may grow beyond 0 bytes, as on a full disk.
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, ...programFor(folder)],
      { encoding: 'utf8' },
    );
    expect(status).not.toBe(0);
    expect(stderr).toContain('one cannot be written');
    expect(readdirSync(folder).toSorted()).toEqual(['one', 'two']);
    expect(readFileSync(join(folder, 'one'), 'utf8')).toBe('old');
  });

  test('leaves each file whole, old or new, when it is killed at any instant', async () => {
    for (let round = 1; round <= 20; round++) {
      const child = spawn(process.execPath, programFor(folder), {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let dots = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        dots += chunk.length;
        if (dots >= round) child.kill('SIGKILL');
      });
      await once(child, 'exit');
      for (const name of ['one', 'two']) {
        const text = readFileSync(join(folder, name), 'utf8');
        expect(['a', 'b'].map((letter) => letter.repeat(100_000))).toContain(text);
      }
    }
    writeFiles([{ file: join(folder, 'one'), text: 'last', mode: 0o600 }]);
    expect(readdirSync(folder)).not.toContain('.one.new');
  });
});

function programFor(target: string): readonly string[] {
  return ['--conditions=spillway-source', forEver, target];
}
