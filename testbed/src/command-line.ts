/** How every program of a checkout ends: exit code 2 for a wrong command line, 1 for what failed, no stack trace. */
import { endingOf } from '@spillway/core';
import type { Command } from 'commander';

/** Parses and acts. Never throws: what goes wrong is printed, and told by the exit code. */
export async function runCommandLine(
  program: Command,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    await throwing(program).parseAsync([...argv], { from: 'user' });
  } catch (error) {
    endWith(error);
  }
}

/** Throws where commander would end the process, here and in all commands below. */
export function throwing(command: Command): Command {
  for (const inner of command.commands) throwing(inner);
  return command.exitOverride();
}

/** Prints on standard error why a program ends, and sets its exit code. */
export function endWith(error: unknown): void {
  const debug = (process.env['SPILLWAY_DEBUG'] ?? '') !== '';
  const { text, exitCode } = endingOf(error, { debug });
  if (text !== '') process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}
