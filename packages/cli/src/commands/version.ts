/** `spillway version`: of this program and of the agents. */
import { statusResponse } from '@spillway/agent/api-schemas';
import { isFault, version } from '@spillway/core';
import { Command } from 'commander';
import { z } from 'zod';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import { type Format, print, rendered, withOutput } from '../output/format.ts';
import { pairs } from '../output/table.ts';

type Options = ConnectionOptions & { readonly output: Format; readonly client: boolean };

export const versionOutput = z.object({
  client: z.string(),
  agent: z.object({ cluster: z.string(), version: z.string() }).optional(),
  problem: z.string().optional().describe('why the agent could not be asked'),
});

export function versionCommand(): Command {
  const command = new Command('version')
    .description('print the version of this program and of the agent')
    .option('--client', 'print only the version of this program', false)
    .addHelpText(
      'after',
      `
Examples:
  spillway version
  spillway version --client
  spillway version -o json | jq -r .agent.version`,
    );
  return withOutput(withAgent(command), ['table', 'json', 'yaml']).action(
    async (options: Options) => {
      const value = options.client
        ? { client: version }
        : { client: version, ...(await asked(options)) };
      print(rendered(options.output, { value, table: () => versionText(value) }));
    },
  );
}

async function asked(
  options: Options,
): Promise<Pick<z.infer<typeof versionOutput>, 'agent' | 'problem'>> {
  try {
    const agent = await agentOf(options);
    const { cluster, version: theirs } = await agent.ask(statusResponse, { path: '/v1/status' });
    return { agent: { cluster, version: theirs } };
  } catch (error) {
    if (!isFault(error)) throw error;
    process.exitCode = 3;
    return { problem: error.message };
  }
}

function versionText({ client, agent, problem }: z.infer<typeof versionOutput>): string {
  return pairs([
    ['Client:', client],
    ...(agent === undefined ? [] : [['Agent:', `${agent.version} of ${agent.cluster}`] as const]),
    ...(problem === undefined ? [] : [['Agent:', `unknown: ${problem}`] as const]),
  ]);
}
