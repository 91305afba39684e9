import type { Command } from 'commander';
import { installPackagesVariable } from './debian-packages.ts';

/** For every command that may need Debian's packages; holds for what it starts, too. */
export function withInstallPackages(command: Command): Command {
  return command
    .option('--install-packages', 'install missing Debian packages without asking', false)
    .on('option:install-packages', () => {
      process.env[installPackagesVariable] = '1';
    });
}
