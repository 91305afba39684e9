/** The whole command line, as one value: what is run, and what docs/cli.md is made of. */
import { version } from '@spillway/core';
import { Command } from 'commander';
import { benchCommand, testbedCommand } from './commands/checkout.ts';
import { addCompletion } from './commands/completion.ts';
import { doctorCommand } from './commands/doctor.ts';
import { dryRunCommand } from './commands/dry-run.ts';
import { eventsCommand } from './commands/events.ts';
import { explainCommand } from './commands/explain.ts';
import { federationCommand } from './commands/federation.ts';
import { leaveCommand } from './commands/leave.ts';
import { neighboursCommand } from './commands/neighbours.ts';
import { policyCommand } from './commands/policy.ts';
import { statusCommand } from './commands/status.ts';
import { topCommand } from './commands/top.ts';
import { versionCommand } from './commands/version.ts';

export const exitCodes: readonly (readonly [number, string])[] = [
  [0, 'done'],
  [1, 'the command failed, or dry-run found pods without room'],
  [2, 'the command line, a file or a kubeconfig is wrong'],
  [3, 'no agent or no API server can be reached'],
  [4, 'the object does not exist'],
  [5, 'a right is missing'],
  [6, 'doctor found errors'],
];

export function spillwayProgram(): Command {
  const program = new Command('spillway')
    .description('Runs pods that do not fit at home on neighbour clusters that have room.')
    .version(
      version,
      '-V, --version',
      'print the version of this program; see "spillway version" for the agent',
    )
    .showHelpAfterError('(--help shows the options)')
    .addHelpText(
      'after',
      `
Agents are asked through the API server, with your kubeconfig and your rights: pods/portforward in
spillway-system. As a plugin: kubectl spillway …

Examples:
  spillway status
  spillway explain pod web-7 -n shop
  spillway dry-run -f deployment.yaml

Exit codes:
${exitCodes.map(([code, what]) => `  ${code}  ${what}`).join('\n')}`,
    );
  const commands = [
    statusCommand(),
    neighboursCommand(),
    topCommand(),
    explainCommand(),
    dryRunCommand(),
    policyCommand(),
    eventsCommand(),
    doctorCommand(),
    federationCommand(),
    leaveCommand(),
    benchCommand(),
    testbedCommand(),
    versionCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  addCompletion(program);
  for (const command of allOf(program)) command.exitOverride().helpCommand(false);
  return program;
}

/** A command and all below it. */
export function allOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}
