import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Shell } from './shell.ts';

const soon = { timeoutMs: 10_000 };
let shell: Shell;

beforeEach(() => {
  shell = new Shell({ folder: tmpdir(), env: process.env });
});
afterEach(async () => await shell.stop());

describe('a shell', () => {
  test('tells what a command has said on both streams, and its exit code', async () => {
    const typed = await shell.run('echo out; echo err >&2; (exit 3)', soon);
    expect(typed).toEqual({ code: 3, output: 'out\nerr' });
    expect(await shell.run('echo $?', soon)).toEqual({ code: 0, output: '3' });
  });

  test('remembers variables and aliases, and reads here-documents', async () => {
    await shell.run("WORD=hello\nalias say='echo $WORD'", soon);
    expect(await shell.run('say you', soon)).toEqual({ code: 0, output: 'hello you' });
    expect(await shell.run('cat <<END\n$WORD\nEND', soon)).toEqual({ code: 0, output: 'hello' });
  });

  test('gives a command nothing to read, and goes on', async () => {
    expect(await shell.run('cat', soon)).toEqual({ code: 0, output: '' });
    expect((await shell.run('no-such-program', soon)).code).toBe(127);
  });

  test('ends with a command that takes too long, and says which', async () => {
    await expect(shell.run('echo begun; sleep 60', { timeoutMs: 200 })).rejects.toThrow(
      'sleep 60: not done after 0.2 s\nbegun',
    );
    await expect(shell.run('echo more', soon)).rejects.toThrow('the shell has ended');
  });
});
