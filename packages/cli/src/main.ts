#!/usr/bin/env node
/** Exit codes: 0 done, 1 it failed, 2 the command line is wrong, 4 there is no such thing. */
import { isFault } from '@spillway/core';
import { Command, CommanderError } from 'commander';
import { agentCommands } from './commands/agent.ts';
import { benchCommand } from './commands/bench.ts';
import { federationCommand } from './commands/federation.ts';

const program = new Command('spillway')
  .description('Clusters at the edge lend each other room.')
  .version('0.1.0')
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride();
for (const command of [...agentCommands(), federationCommand(), benchCommand()])
  program.addCommand(command);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(
      `error: ${isFault(error) ? error.message : ((error as Error).stack ?? String(error))}\n`,
    );
    process.exitCode = isFault(error, 'NotFound') ? 4 : 1;
  }
}
