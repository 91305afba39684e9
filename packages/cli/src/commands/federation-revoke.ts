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
    .description('revoke the membership of a cluster, a key or a certificate')
    .requiredOption('--root <file>', 'federation.key')
    .requiredOption(
      '--out <file>',
      'list of revocations. The command adds to an existing list. Keep it with the root',
    )
    .option(
      '--cluster <name>',
      'revoke all certificates of this cluster signed until now. A new certificate admits it again',
    )
    .option('--certificate <file>', 'revoke this certificate and all others of its key, for good')
    .option('--peer <id>', 'revoke all certificates of this key, for good')
    .option('--serial <hex>', 'revoke this one certificate. Others of the same key stay valid')
    .option('--reason <text>', 'reason in words, which agents show', '')
    .option('-n, --namespace <name>', 'namespace of the agents', 'spillway-system')
    .addOption(
      new Option('-o, --output <format>', 'yaml: only the ConfigMap to apply')
        .choices(['table', 'yaml'])
        .default('table'),
    )
    .addHelpText(
      'after',
      `
Give the list to any one agent. All other agents get it within seconds.

Example:
  spillway federation revoke --root federation.key --cluster oslo --reason "key stolen" \\
    --out revocations.list -o yaml | kubectl apply -f -`,
    )
    .action(async (options: RevokeOptions) => {
      const { revoke } = await import('../federation/revoke.ts');
      await revoke(options);
    });
}
