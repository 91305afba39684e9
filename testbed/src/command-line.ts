/** How every program of a checkout reads its command line and ends: see command.ts. */
import type { Command } from 'commander';
import { type CommandOptions, type CommandRun, runCommand } from './command.ts';

export interface CommandLineOptions extends CommandOptions {
  /** Called before anything is parsed. */
  readonly onRun?: (run: CommandRun) => void;
}

/** Parses and acts, and ends the process. */
export async function runCommandLine(
  program: Command,
  { onRun, ...options }: CommandLineOptions = {},
): Promise<never> {
  return await runCommand(async (run) => {
    onRun?.(run);
    await throwing(program).parseAsync(process.argv.slice(2), { from: 'user' });
  }, options);
}

/** Throws where commander would end the process, here and in all commands below. */
export function throwing(command: Command): Command {
  for (const inner of command.commands) throwing(inner);
  return command.exitOverride();
}
