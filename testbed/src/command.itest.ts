/** Commands as processes of their own, with handles that would keep them alive, ended in each way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './wait-for.ts';

const soon = { timeoutMs: 20_000, everyMs: 50 };
const moduleOf = (name: string): string =>
  JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));

let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-command-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Command {
  readonly child: ChildProcess;
  /** What it writes down, in the order in which it does. */
  readonly wrote: () => readonly string[];
  readonly stderr: () => string;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** `body` is what the command does; a server listens meanwhile, and a timer goes on. */
function start(body: string, options = ''): Command {
  const file = join(folder, `${(count += 1)}`);
  const script = `
    import { appendFileSync } from 'node:fs';
    import { createServer } from 'node:net';
    import { runCommand } from ${moduleOf('command.ts')};
    import { undoAtEnd } from ${moduleOf('ends.ts')};
    import { run } from ${moduleOf('run-program.ts')};
    const write = (text) => appendFileSync(${JSON.stringify(file)}, text + '\\n');
    const forever = new Promise(() => {});
    await runCommand(async (command) => {
      createServer().listen(0);
      setInterval(() => {}, 1_000);
      ${body}
    }${options});`;
  const args = ['--conditions=spillway-source', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    child,
    wrote: () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []),
    stderr: () => stderr,
    ended: once(child, 'exit').then(([code]: (number | null)[]) => code ?? null),
  };
}

async function hasWritten({ wrote }: Command, text: string): Promise<string> {
  const line = () => wrote().find((each) => each.startsWith(text));
  return await waitFor(`${text} is written`, line, soon);
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a command', () => {
  test.each([
    ['nothing', 0],
    ['return 3;', 3],
    ['process.exitCode = 4;', 4],
    ['throw new Error("no such luck");', 1],
    ['setTimeout(() => { throw new Error("no such luck"); }); await forever;', 1],
    ['Promise.reject(new Error("no such luck")); await forever;', 1],
  ])('that does "%s" ends with %i, whatever handles are open', async (body, code) => {
    const command = start(
      `undoAtEnd(async () => write('undone')); ${body === 'nothing' ? '' : body}`,
    );
    expect(await command.ended).toBe(code);
    expect(command.wrote()).toEqual(['undone']);
    if (code === 1) expect(command.stderr()).toContain('error: no such luck');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    'ended by %s exits with %i when the programs that it runs have ended',
    async (signal, code) => {
      const command = start(`
      try {
        await run('sh', ['-c', 'sleep 600 & wait'], { onPid: (pid) => write('program ' + pid) });
      } finally {
        write('its finally');
      }`);
      const pid = Number((await hasWritten(command, 'program')).split(' ')[1]);
      command.child.kill(signal);
      expect(await command.ended).toBe(code);
      expect(command.wrote().at(-1)).toBe('its finally');
      expect(isAlive(pid)).toBe(false);
      expect(command.stderr()).toContain('A second Ctrl-C ends at once.');
    },
  );

  test('undoes the last first, and what is begun meanwhile too', async () => {
    const command = start(`
      undoAtEnd(async () => write('first'));
      undoAtEnd(async () => { write('second'); undoAtEnd(async () => write('meanwhile')); });
      write('ready');
      await forever;`);
    await hasWritten(command, 'ready');
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.wrote()).toEqual(['ready', 'second', 'meanwhile', 'first']);
  });

  test('says what could not be undone, and exits with 1', async () => {
    const command = start(`undoAtEnd(async () => { throw new Error('stuck'); });`);
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toContain('not everything was removed: stuck');
  });

  test('that lasts until someone ends it has succeeded then', async () => {
    const command = start(`command.lasts(); write('lasting'); await forever;`);
    await hasWritten(command, 'lasting');
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(0);
  });

  test('that finishes what it can is given the time, and says how it went', async () => {
    const body = `
      write('ready');
      await new Promise((resolve) => command.signal.addEventListener('abort', resolve));
      write('kept');
      return 130;`;
    const command = start(body, `, { finishes: 'Stopping.' }`);
    await hasWritten(command, 'ready');
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.wrote()).toEqual(['ready', 'kept']);
  });

  test('ends at once when asked again, whatever hangs', async () => {
    const command = start(`undoAtEnd(() => forever); write('ready'); await forever;`);
    await hasWritten(command, 'ready');
    await waitFor(
      'it has ended',
      () => {
        if (command.child.exitCode !== null) return true;
        command.child.kill('SIGINT');
        return undefined;
      },
      { ...soon, everyMs: 300 },
    );
    expect(await command.ended).toBe(130);
  });
});
