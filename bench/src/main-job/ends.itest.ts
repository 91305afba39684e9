/** The main job and the drills, ended at every stage, and started where they cannot work: what they leave. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@spillway/testbed';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drillNames } from '../drills/options.ts';

const mainJob = fileURLToPath(new URL('main.ts', import.meta.url));
const drill = fileURLToPath(new URL('../drills/main.ts', import.meta.url));
const stageMsMax = 110_000;

/** The folder for temporary files of what a test starts: all that it makes is in there. */
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-ends-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, ['--conditions=spillway-source', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder, ...env },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  return { child, said: () => said, ended };
}

/** Processes that were started for the test, by what they were given: zombies aside. */
function processesLeft(): readonly string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        return `${command}${environment}`.includes(folder) ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });
}

/** A helper such as esbuild's ends by itself as soon as the program that started it is gone. */
async function nothingLeft(): Promise<void> {
  expect(readdirSync(folder)).toEqual([]);
  await waitFor('no process is left', () => processesLeft().length === 0 || undefined, {
    timeoutMs: 5_000,
    everyMs: 50,
  });
}

describe('npm start, ended', () => {
  const args = ['--clusters', '2', '--nodes', '1'];

  test.each([
    ['Starting 2 clusters', 'SIGINT', 130],
    ['The clusters on their own:', 'SIGTERM', 143],
    ['One agent in each', 'SIGINT', 130],
    ['Ctrl-C removes everything', 'SIGINT', 0],
  ] as const)(
    'after "%s", by %s: exits with %i, and nothing is left',
    async (stage, signal, code) => {
      const { child, said, ended } = start(mainJob, args);
      await waitFor(stage, () => said().includes(stage) || undefined, {
        timeoutMs: stageMsMax,
        everyMs: 20,
      });
      child.kill(signal);
      expect(await ended, said()).toBe(code);
      await nothingLeft();
    },
  );

  test('with an agent that does not live: says so, exits with 1, and nothing is left', async () => {
    const { said, ended } = start(mainJob, args);
    const killing = setInterval(() => {
      for (const line of processesLeft())
        if (line.includes(' --set instance=agent ')) process.kill(Number.parseInt(line), 'SIGKILL');
    }, 100);
    const code = await ended;
    clearInterval(killing);
    expect(code).toBe(1);
    expect(said()).toContain('agent of');
    await nothingLeft();
  });
});

describe('where etcd does not start', () => {
  const commands = [
    ['npm start', mainJob, []],
    ...drillNames
      .filter((name) => name !== 'handover')
      .map((name) => [`npm run drill -- ${name}`, drill, [name]] as const),
  ] as const;

  test.each(commands)('%s says so, exits with 1, and nothing is left', async (_, program, args) => {
    const assets = mkdtempSync(join(tmpdir(), 'spillway-assets-'));
    try {
      writeFileSync(join(assets, 'etcd'), '#!/bin/sh\necho no disk >&2\nexit 1\n');
      chmodSync(join(assets, 'etcd'), 0o755);
      const { said, ended } = start(program, args, { KUBEBUILDER_ASSETS: assets });
      expect(await ended, said()).toBe(1);
      expect(said()).toContain('no disk');
      await nothingLeft();
    } finally {
      rmSync(assets, { recursive: true });
    }
  });
});
