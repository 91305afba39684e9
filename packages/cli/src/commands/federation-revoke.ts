/** `spillway federation revoke`. What it does is in ../federation/revoke.ts, loaded when asked. */
import { Command, Option } from 'commander';

export interface RevokeOptions {
  readonly root: string;
  readonly out: string;
  readonly cluster?: string;
  readonly serial?: string;
  readonly peer?: string;
  readonly certificate?: string;
  readonly reason: string;
  readonly namespace: string;
  readonly output: 'table' | 'yaml';
}

export function revokeCommand(): Command {
  return new Command('revoke')
    .description('signs that a cluster, a key or a certificate is no member any more')
    .requiredOption('--root <file>', 'federation.key')
    .requiredOption(
      '--out <file>',
      'the list of revocations; one that exists is added to. Keep it with the root',
    )
    .option(
      '--cluster <name>',
      'all certificates of this cluster signed until now; a new one re-admits it',
    )
    .option('--certificate <file>', 'this certificate and all others of its key, for good')
    .option('--peer <id>', 'all certificates of this key, for good')
    .option('--serial <hex>', 'this one certificate; others of the same key stay good')
    .option('--reason <text>', 'for people: agents show it', '')
    .option('-n, --namespace <name>', 'where agents are installed', 'spillway-system')
    .addOption(
      new Option('-o, --output <format>', 'yaml: the ConfigMap to be applied, and nothing else')
        .choices(['table', 'yaml'])
        .default('table'),
    )
    .addHelpText(
      'after',
      `
Give the list to any one agent; all others have it within seconds.

Example:
  spillway federation revoke --root federation.key --cluster oslo --reason "key stolen" \\
    --out revocations.list -o yaml | kubectl apply -f -`,
    )
    .action(async (options: RevokeOptions) => {
      const { revoke } = await import('../federation/revoke.ts');
      await revoke(options);
    });
}
