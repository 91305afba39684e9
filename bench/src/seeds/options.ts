import { Command, Option } from 'commander';
import { type FaultKind, faultKinds, type SeedPolicy, seedPolicies } from '@spillway/simulator';
import { integer } from '../main-job/options.ts';

export interface SeedsOptions {
  readonly count: number;
  readonly from: number;
  readonly policy: SeedPolicy | 'all';
  readonly json: boolean;
  readonly coverage: boolean;
  readonly replay?: number;
  readonly clusters?: number;
  readonly pods?: number;
  readonly troubleMs?: number;
  readonly without?: readonly FaultKind[];
}

export const seedMax = 2 ** 31 - 1;

export function readOptions(argv: readonly string[]): SeedsOptions {
  const command = new Command('npm run seeds --')
    .description(
      'Plays simulated worlds of the shipped home and host machines, each by its seed: agents, links, API servers, nodes and whole clusters fail. Checks every invariant at every step.',
    )
    .option('--count <n>', 'number of seeds', integer(1, 100_000_000), 20_000)
    .option('--from <m>', 'first seed', integer(0, seedMax), 0)
    .addOption(
      new Option(
        '--policy <policy>',
        'partition policy of all pods; all: a third of the seeds each',
      )
        .choices([...seedPolicies, 'all'])
        .default('all'),
    )
    .option('--json', 'one JSON object on standard output', false)
    .option(
      '--coverage',
      'count how often each state of a pod was under each fault; a pair that no seed visited fails',
      false,
    )
    .option('--replay <seed>', 'play one seed and print its whole story', integer(0, seedMax))
    .option('--clusters <n>', 'with --replay: number of clusters', integer(2, 20))
    .option('--pods <n>', 'with --replay: pods of the crowded cluster', integer(1, 1_000))
    .option(
      '--trouble-ms <ms>',
      'with --replay: how long faults happen (ms)',
      integer(1, 3_600_000),
    )
    .addOption(
      new Option('--without <fault...>', 'with --replay: faults that do not happen').choices(
        faultKinds,
      ),
    )
    .addHelpText(
      'after',
      `
Exit codes: 0 all invariants held, 1 a seed broke one or a pair was not visited (--coverage), 2 the command
line is wrong.

Examples:
  npm run seeds -- --count 200000
  npm run seeds -- --count 50000 --from 3000000 --policy fence
  npm run --silent seeds -- --count 1000 --json
  npm run seeds -- --coverage
  npm run seeds -- --replay 17 --policy fence`,
    )
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  command.parse([...argv], { from: 'user' });
  const options = command.opts<SeedsOptions>();
  if (options.from + options.count - 1 > seedMax) {
    command.error(`error: the last seed would be above the maximum, ${seedMax}`);
  }
  if (options.replay !== undefined && options.policy === 'all') {
    command.error('error: --replay needs --policy none, keep or fence');
  }
  return options;
}
