/** On the real file system. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { folderOfEachTest, sourceProgram } from '../testing/test-folder.ts';
import { writeFiles } from './write-files.ts';

const folder = folderOfEachTest();
const forEver = (): readonly string[] => [
  ...sourceProgram(new URL('../testing/write-for-ever.ts', import.meta.url)),
  folder().path,
];

describe('writing files', () => {
  test('gives the mode whatever the umask is and whatever mode was there', () => {
    const file = folder().at('key');
    writeFileSync(file, 'old');
    chmodSync(file, 0o644);
    const umask = process.umask(0o277);
    try {
      writeFiles([{ file, text: 'new', mode: 0o600 }]);
    } finally {
      process.umask(umask);
    }
    expect(folder().modeOf('key')).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  test('replaces neither a symbolic link nor a folder, and then none of the others', () => {
    const other = folder().at('other');
    writeFileSync(other, 'theirs');
    symlinkSync(other, folder().at('link'));
    symlinkSync(folder().at('nowhere'), folder().at('dangling'));
    mkdirSync(folder().at('sub'));
    for (const name of ['link', 'dangling', 'sub']) {
      const files = ['first', name].map((each) => folder().at(each));
      expect(() => writeFiles(files.map((file) => ({ file, text: 'x', mode: 0o600 })))).toThrow(
        'it is not replaced',
      );
    }
    expect(readdirSync(folder().path).toSorted()).toEqual(['dangling', 'link', 'other', 'sub']);
    expect(readFileSync(other, 'utf8')).toBe('theirs');
  });

  test('does not follow a link that someone has put in place of the temporary file', () => {
    const other = folder().at('other');
    writeFileSync(other, 'theirs');
    symlinkSync(other, folder().at('.key.new'));
    writeFiles([{ file: folder().at('key'), text: 'mine', mode: 0o600 }]);
    expect(readFileSync(other, 'utf8')).toBe('theirs');
    expect(folder().modeOf('key')).toBe(0o600);
  });

  test('leaves the old files when there is no room for the new ones', () => {
    for (const name of ['one', 'two']) writeFileSync(folder().at(name), 'old');
    // No file of this process may grow beyond 0 bytes, as on a full disk.
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, ...forEver()],
      { encoding: 'utf8' },
    );
    expect(status).not.toBe(0);
    expect(stderr).toContain('one cannot be written');
    expect(readdirSync(folder().path).toSorted()).toEqual(['one', 'two']);
    expect(readFileSync(folder().at('one'), 'utf8')).toBe('old');
  });

  test('leaves each file whole, old or new, when it is killed at any instant', async () => {
    for (let round = 1; round <= 20; round++) {
      const child = spawn(process.execPath, forEver(), {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let dots = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        dots += chunk.length;
        if (dots >= round) child.kill('SIGKILL');
      });
      await once(child, 'exit');
      for (const name of ['one', 'two']) {
        const text = readFileSync(folder().at(name), 'utf8');
        expect(['a', 'b'].map((letter) => letter.repeat(100_000))).toContain(text);
      }
    }
    writeFiles([{ file: folder().at('one'), text: 'last', mode: 0o600 }]);
    expect(readdirSync(folder().path)).not.toContain('.one.new');
  });
});
