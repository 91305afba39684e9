/** `spillway federation …`: the offline root and what it signs. What it does is in ../federation, loaded when asked. */
import { Command } from 'commander';
import { type Format, withOutput } from '../output/format.ts';
import { revokeCommand } from './federation-revoke.ts';

const daysDefault = '365';

export function federationCommand(): Command {
  return new Command('federation')
    .description('create a federation and admit clusters to it, offline')
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
    .description('create a new root key. Keep it offline: anyone who has it can admit clusters')
    .requiredOption('--out <folder>', 'folder for federation.key and federation.pub')
    .option('--force', 'replace an existing root, and so the federation', false)
    .option('-y, --yes', 'do not ask for confirmation', false)
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
    .description('sign a membership certificate for a cluster')
    .requiredOption('--root <file>', 'federation.key')
    .requiredOption('--cluster <name>', 'name of the cluster in the federation')
    .requiredOption('--out <folder>', 'folder for peer.key (if new) and membership.cert')
    .option(
      '--peer <id>',
      'peer id of a key that the cluster created itself. Default: create a key here',
    )
    .option(
      '--attribute <key=value...>',
      'attributes that the root signs: region, jurisdiction, zone, price, pod-network … Clusters with an equal pod-network route pod addresses to each other',
      [],
    )
    .option('--days <n>', 'days until the certificate expires: 0.01 to 3650', daysDefault)
    .option(
      '--force',
      'replace the identity of another cluster or federation in the folder. Another cluster gets a new key',
      false,
    )
    .addHelpText(
      'after',
      `
The cluster's agent mounts these files:
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
      'show what a membership certificate or a list of revocations says. Agents check the signatures',
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
