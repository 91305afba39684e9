import { type KubernetesMinor, kubernetesOption, throwing } from '@spillway/testbed';
import { Argument, Command } from 'commander';
import { integer } from '../main-job/options.ts';

export const drillNames = ['burst', 'crash', 'cut', 'strangers', 'handover', 'binding'] as const;

export type DrillName = (typeof drillNames)[number];

export interface DrillOptions {
  /** Of the burst. */
  readonly pods: number;
  /** Of all that is random; a crash round's seed is this plus its number. */
  readonly seed: number;
  /** Rounds of `crash`, each on a fresh test bed, and of `binding`, all on one. */
  readonly rounds: number;
  readonly kubernetes: KubernetesMinor;
  readonly json: boolean;
}

export function readOptions(argv: readonly string[]): DrillOptions & { readonly drill: DrillName } {
  const command = new Command('npm run drill --')
    .description(
      'A trial of the whole federation on a fresh test bed, judged by an audit of all API servers.',
    )
    .addArgument(
      new Argument(
        '<drill>',
        'burst: 200 pods at once at a full cluster, beside kube-scheduler',
      ).choices(drillNames),
    )
    .option('--pods <n>', 'number of pods in the burst', integer(1, 5_000), 200)
    .option('--seed <n>', 'seed of everything that is random', integer(0, 2 ** 31), 1)
    .option(
      '--rounds <n>',
      'rounds of crash, with seeds from --seed on, or of binding',
      integer(1, 1_000),
      10,
    )
    .addOption(kubernetesOption())
    .option('--json', 'one JSON object on standard output', false)
    .addHelpText(
      'after',
      `
Drills:
  burst      a burst at a full cluster; kube-scheduler's own binding of the same burst beside it
  crash      the burst, while the home's agent, a host's agent and a host's API server are killed
  cut        a link cut for two minutes, one direction, then both
  strangers  peers without, or with a bad, membership; tampered adverts; floods
  handover   on kind clusters, agents installed by the chart: the active agent's pod deleted, its node
             restarted, its DaemonSet rolled to another image during a burst (100 pods are enough)
  binding    one burst at a host whose agent binds guests, one at a host whose own scheduler does, in
             turns; then the same while the host's own pods arrive

Examples:
  npm run drill -- burst
  npm run drill -- crash --seed 7 --rounds 1
  npm run --silent drill -- cut --json`,
    );
  throwing(command).parse([...argv], { from: 'user' });
  return { ...command.opts<DrillOptions>(), drill: command.args[0] as DrillName };
}
