/**
 * Where the commands of this repository run. They end with their exit code even if something has failed or
 * handles are still open. It is 2 for a wrong command line, and 1 for a failure. They leave nothing behind:
 * ends.ts knows what must be undone.
 *
 * The first Ctrl-C (SIGTERM, SIGHUP) ends the work and undoes it. The second ends at once, and the test beds'
 * reapers undo what is left then.
 */
import { constants } from 'node:os';
import { styleText } from 'node:util';
import { endingOf } from '@spillway/core';
import { undoAll } from './ends.ts';

export interface CommandRun {
  /** Fires when someone wants the command to end. */
  readonly signal: AbortSignal;
  /** From now on the command runs until someone ends it, which is its success. */
  lasts(): void;
}

export interface CommandOptions {
  /** It heeds `signal` itself, and is given the time to: it keeps what it has finished. */
  readonly finishes?: string;
}

/** Ten kind clusters are removed within a minute. */
const undoMsMax = 120_000;
/** For what an interrupted command does in its `finally` blocks, once all that it waits for has ended. */
const settleMsMax = 2_000;
/** npm passes on the signal that the terminal sent already: one Ctrl-C may come several times. */
const sameSignalMs = 1_000;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const failed = 1;

/** `act` may resolve to an exit code; else it is `process.exitCode`, or 0. */
export async function runCommand(
  act: (run: CommandRun) => Promise<number | void>,
  options: CommandOptions = {},
): Promise<never> {
  const stopping = new AbortController();
  let lasts = false;
  let end: (code: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  onSignals((code) => {
    stopping.abort();
    say(`\n${options.finishes ?? 'Removing everything …'} A second Ctrl-C ends at once.`);
    if (options.finishes === undefined) end(lasts ? 0 : code);
  });
  const failing = (error: unknown): number => {
    // What fails because it was ended says nothing new.
    if (stopping.signal.aborted) return failed;
    const { text, exitCode } = endingOf(error, { debug: Boolean(process.env['SPILLWAY_DEBUG']) });
    if (text !== '') say(red(text));
    return exitCode;
  };
  process.on('uncaughtException', (error) => end(failing(error)));
  const run = { signal: stopping.signal, lasts: () => void (lasts = true) };
  const acted = act(run).then((code) => code ?? Number(process.exitCode ?? 0), failing);
  const code = await Promise.race([acted, ended]);
  const problems = await undoAll(undoMsMax);
  if (stopping.signal.aborted) await Promise.race([acted, after(settleMsMax)]);
  for (const problem of problems) say(red(`error: not everything was removed: ${problem}`));
  return process.exit(problems.length === 0 ? code : failed);
}

function onSignals(first: (code: number) => void): void {
  let firstAtMs: number | undefined;
  for (const signal of signals) {
    const code = 128 + constants.signals[signal];
    process.on(signal, () => {
      const nowMs = performance.now();
      if (firstAtMs === undefined) {
        firstAtMs = nowMs;
        first(code);
      } else if (nowMs - firstAtMs > sameSignalMs) process.exit(code);
    });
  }
}

async function after(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function red(text: string): string {
  return styleText('red', text, { stream: process.stderr });
}

/** Standard output is for results. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
