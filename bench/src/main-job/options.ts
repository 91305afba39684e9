import { existsSync } from 'node:fs';
import { cities, type KubernetesMinor, kubernetesOption, throwing } from '@spillway/testbed';
import { Command, InvalidArgumentError } from 'commander';

export interface MainJobOptions {
  readonly once: boolean;
  readonly clusters: number;
  readonly nodes: number;
  readonly file: readonly string[];
  readonly json: boolean;
  readonly kubernetes: KubernetesMinor;
}

export function readOptions(argv: readonly string[]): MainJobOptions {
  const command = new Command('npm start --')
    .description(
      'Starts real Kubernetes clusters on this machine, one Spillway agent each, crowds one of them,\nand shows its pending pods start running at its neighbours.',
    )
    .option('--once', 'exit after the summary', false)
    .option(
      '--clusters <n>',
      `how many clusters, 2 to ${cities.length}`,
      integer(2, cities.length),
      5,
    )
    .option('--nodes <n>', 'nodes of 4 vCPU and 4 GiB in each', integer(1, 100), 5)
    .option(
      '-f, --file <manifest...>',
      'your own manifests for the first cluster, instead of the built-in ones',
    )
    .addOption(kubernetesOption())
    .option('--json', 'one JSON object on standard output', false)
    .addHelpText(
      'after',
      '\nExamples:\n  npm start\n  npm start -- --once --clusters 3\n  npm start -- -f deployment.yaml service.yaml\n  npm start --silent -- --once --json',
    );
  throwing(command).parse([...argv], { from: 'user' });
  const options = command.opts<Omit<MainJobOptions, 'file'> & { file?: string[] }>();
  const file = options.file ?? [];
  const missing = file.find((path) => !existsSync(path));
  if (missing !== undefined) command.error(`error: there is no file ${missing}`);
  return { ...options, file };
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}
