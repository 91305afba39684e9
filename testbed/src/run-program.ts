/** A program run to its end: what it said, and how it ended. */
import { spawn } from 'node:child_process';
import { Fault } from '@spillway/core';
import { killAtEnd } from './ends.ts';

export interface Ran {
  /** -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Told at once, so that another process can end it when this one can't. */
  readonly onPid?: (pid: number) => void;
  readonly signal?: AbortSignal;
}

/** Of each stream the end is kept. */
const keptCharacters = 4_000_000;

/** @throws Fault `Unavailable` when it can't be started at all */
export function run(
  program: string,
  args: readonly string[],
  { input, env = process.env, onPid, signal }: RunOptions = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, detached: true, ...(signal && { signal }) });
    if (child.pid !== undefined) onPid?.(child.pid);
    killAtEnd(child);
    const [out, err] = [child.stdout, child.stderr].map((stream) => {
      const said = { text: '' };
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        said.text = (said.text + chunk).slice(-keptCharacters);
      });
      return said;
    });
    child.on('error', (error) =>
      reject(new Fault('Unavailable', `${program}: ${error.message}`, { cause: error })),
    );
    child.on('close', (code) =>
      resolve({ code: code ?? -1, stdout: out?.text ?? '', stderr: err?.text ?? '' }),
    );
    // One that does not read its input may have ended already.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
