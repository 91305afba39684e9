/** `npm run testbed -- node-image`: makes, or finds, the image of kind's nodes, and does only that. */
import type { Command } from 'commander';
import { findDocker } from '../docker/ensure-docker.ts';
import { withInstallPackages } from '../docker/install-packages-option.ts';
import { stopUnusedDocker } from '../docker/own-daemon.ts';
import { ensureNodeImage } from './node-image.ts';

export function addNodeImageCommand(program: Command): void {
  withInstallPackages(program.command('node-image'))
    .description(
      "the image of kind's nodes: pulled where a registry can be reached, else made here",
    )
    .action(async () => {
      const before = await findDocker();
      process.stdout.write(`${await ensureNodeImage()}\n`);
      if (before === undefined) await stopUnusedDocker();
    });
}
