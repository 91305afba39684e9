/** `spillway doctor`: what is wrong, and what to do about it. */
import { styleText } from 'node:util';
import { type DoctorResponse, doctorResponse, type Finding } from '@spillway/agent/api-schemas';
import { Command } from 'commander';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import { clientFindings, clusterFindings, unreachable } from '../client-findings.ts';
import { type Format, print, rendered, withOutput } from '../output/format.ts';
import { plural } from '../output/words.ts';

type Options = ConnectionOptions & { readonly output: Format };

/** Each neighbour that can't be reached takes seconds. */
const checksMsMax = 120_000;
const errorsFound = 6;

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('find what is wrong, and what to do about it')
    .addHelpText(
      'after',
      `
Checks: the agents' pods and Lease, the agent's rights, certificates, clocks, versions, CRDs, and orphans
(guests without a home, virtual nodes without a neighbour). Checks the connection to each neighbour in both
directions: the agent opens a new connection, and asks the neighbour to open one back. Changes nothing.

Examples:
  spillway doctor
  spillway doctor -o wide                also what is right
  spillway doctor -o json | jq '.findings[] | select(.severity == "error")'

Exit code 6 if it found errors, 0 if it found only warnings or nothing.`,
    );
  return withOutput(withAgent(command), ['table', 'wide', 'json', 'yaml']).action(
    async (options: Options) => {
      const value = await examined(options);
      print(rendered(options.output, { value, table: (wide) => doctorText(value, wide) }));
      if (value.findings.some(({ severity }) => severity === 'error'))
        process.exitCode = errorsFound;
    },
  );
}

async function examined(options: Options): Promise<DoctorResponse> {
  const cluster = await clusterFindings(options);
  try {
    const agent = await agentOf(options);
    const answer = await progress(
      `asking ${agent.where}, which dials its neighbours …`,
      agent.ask(doctorResponse, { path: '/v1/doctor', timeoutMs: checksMsMax }),
    );
    const client = await clientFindings(agent);
    return { ...answer, findings: [...cluster, ...client, ...answer.findings] };
  } catch (error) {
    return { cluster: options.context ?? '', findings: [...cluster, unreachable(error)] };
  }
}

/** Said on a terminal while it is under way, and wiped away after. */
async function progress<T>(message: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return await work;
  const { spinner } = await import('@clack/prompts');
  const shown = spinner({ output: process.stderr });
  shown.start(message);
  try {
    return await work;
  } finally {
    shown.clear();
  }
}

const order = ['error', 'warning', 'info', 'ok'] as const;
const colours = { error: 'red', warning: 'yellow', info: 'cyan', ok: 'green' } as const;

export function doctorText({ cluster, findings }: DoctorResponse, wide = false): string {
  const sorted = [...findings].sort(
    (a, b) => order.indexOf(a.severity) - order.indexOf(b.severity),
  );
  const shown = wide ? sorted : sorted.filter(({ severity }) => severity !== 'ok');
  const count = (severity: Finding['severity']): number =>
    findings.filter((each) => each.severity === severity).length;
  const parts = shown.map(({ severity, check, subject, message, remedy }) =>
    [
      `${styleText(colours[severity], severity.toUpperCase())}  ${check}: ${styleText('bold', subject)}`,
      `  ${message}`,
      ...(remedy === undefined ? [] : [`  → ${remedy}`]),
    ].join('\n'),
  );
  const summary = `${cluster}: ${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}, ${plural(count('info'), 'note')}; ${count('ok')} of ${findings.length} checks are ok`;
  return [...parts, summary].join('\n\n');
}
