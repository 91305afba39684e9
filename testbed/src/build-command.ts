/** `npm run testbed -- build`: finds or builds the programs of local clusters, and does only that. */
import type { Command } from 'commander';
import { ensureBinaries } from './binaries.ts';
import { kubernetesOption } from './kubernetes-option.ts';
import type { KubernetesMinor } from './kubernetes-versions.ts';

export function addBuildCommand(program: Command): void {
  program
    .command('build')
    .description('find or build the programs of local clusters, and start nothing')
    .addOption(kubernetesOption())
    .action(async ({ kubernetes }: { kubernetes: KubernetesMinor }) => {
      const paths = Object.values(await ensureBinaries(kubernetes));
      process.stdout.write(`${paths.join('\n')}\n`);
    });
}
