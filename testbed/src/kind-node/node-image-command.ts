/** `npm run testbed -- node-image`: makes, or finds, the image of kind's nodes, and does only that. */
import type { Command } from 'commander';
import { ensureNodeImage } from './node-image.ts';

export function addNodeImageCommand(program: Command): void {
  program
    .command('node-image')
    .description(
      "the image of kind's nodes: pulled where a registry can be reached, else made here",
    )
    .action(async () => {
      process.stdout.write(`${await ensureNodeImage()}\n`);
    });
}
