/** `spillway federation …`: the offline root and what it signs. What it does is in ../federation, loaded when asked. */
import { Command } from 'commander';
import { type Format, withOutput } from '../output/format.ts';
import { revokeCommand } from './federation-revoke.ts';

const daysDefault = '365';

export function federationCommand(): Command {
  return new Command('federation')
    .description('makes a federation and admits clusters to it, offline')
    .addHelpText(
      'after',
      `
Examples:
  spillway federation init --out root
  spillway federation admit --root root/federation.key --cluster lyon --attribute region=eu --out lyon
  spillway federation inspect lyon/membership.cert`,
    )
    .addCommand(initCommand())
    .addCommand(admitCommand())
    .addCommand(revokeCommand())
    .addCommand(inspectCommand());
}

export interface InitOptions {
  readonly out: string;
  readonly force: boolean;
  readonly yes: boolean;
}

function initCommand(): Command {
  return new Command('init')
    .description('makes a new root key; keep it offline, whoever has it admits clusters')
    .requiredOption('--out <folder>', 'where federation.key and federation.pub go')
    .option('--force', 'replace an existing root, and with it the federation', false)
    .option('-y, --yes', 'do not ask before that', false)
    .addHelpText('after', '\nExample:\n  spillway federation init --out root')
    .action(async (options: InitOptions) => {
      const { init } = await import('../federation/init.ts');
      await init(options);
    });
}

export interface AdmitOptions {
  readonly root: string;
  readonly cluster: string;
  readonly out: string;
  readonly peer?: string;
  readonly attribute: readonly string[];
  readonly days: string;
  readonly force: boolean;
}

function admitCommand(): Command {
  return new Command('admit')
    .description('signs a membership certificate for a cluster')
    .requiredOption('--root <file>', 'federation.key')
    .requiredOption('--cluster <name>', 'its name in the federation')
    .requiredOption('--out <folder>', 'where peer.key (if new) and membership.cert go')
    .option('--peer <id>', 'peer id of a key that the cluster made itself; else one is made here')
    .option(
      '--attribute <key=value...>',
      'what the root vouches for: region, jurisdiction, zone, price, pod-network (clusters of an equal one route pod addresses to each other) …',
      [],
    )
    .option('--days <n>', 'until it expires: 0.01 to 3650', daysDefault)
    .option(
      '--force',
      'replace the identity of another cluster or federation in the folder, with a new key for another cluster',
      false,
    )
    .addHelpText(
      'after',
      `
The files are what the cluster's agent mounts:
  kubectl -n spillway-system create secret generic spillway-identity \\
    --from-file=lyon/peer.key --from-file=lyon/membership.cert --from-file=lyon/federation.pub

Examples:
  spillway federation admit --root root/federation.key --cluster lyon --out lyon
  spillway federation admit --root root/federation.key --cluster lyon --out lyon \\
    --attribute region=eu jurisdiction=fr --days 90`,
    )
    .action(async (options: AdmitOptions) => {
      const { admit } = await import('../federation/admit.ts');
      await admit(options);
    });
}

function inspectCommand(): Command {
  const command = new Command('inspect')
    .description(
      'shows what a membership certificate or a list of revocations says; signatures are for agents to check',
    )
    .argument('<file>', 'membership.cert or revocations.list')
    .addHelpText('after', '\nExample:\n  spillway federation inspect lyon/membership.cert -o json');
  return withOutput(command, ['table', 'json', 'yaml']).action(
    async (file: string, { output }: { readonly output: Format }) => {
      const { inspect } = await import('../federation/inspect.ts');
      inspect(file, output);
    },
  );
}
