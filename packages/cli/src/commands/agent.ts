/** `spillway status`, `neighbours` and `explain`: what a running agent knows. */
import { Command } from 'commander';
import pc from 'picocolors';
import { agentDefault, askAgent } from '../agent-client.ts';
import { table } from '../table.ts';

interface Status {
  readonly cluster: string;
  readonly active: boolean;
  readonly ready?: boolean;
  readonly epoch?: number;
  readonly peer?: string;
  readonly addresses?: readonly string[];
  readonly cpu?: { readonly allocatableMilli: number; readonly freeMilli: number };
  readonly memory?: { readonly allocatableBytes: number; readonly freeBytes: number };
  readonly waiting?: number;
  readonly away?: Readonly<Record<string, number>>;
  readonly guests?: {
    readonly total: number;
    readonly held: number;
    readonly byHome: Readonly<Record<string, number>>;
  };
  readonly room?: Readonly<Record<string, number>>;
  readonly rssBytes?: number;
}

interface NeighbourRow {
  readonly cluster: string;
  readonly liveness: string;
  readonly connected: boolean;
  readonly rttMs: number;
  readonly rttMeasured: boolean;
  readonly guestsFree: number;
  readonly room: Readonly<Record<string, number>>;
  readonly gpus: Readonly<Record<string, number>>;
  readonly ourPodsThere: number;
  readonly theirPodsHere: number;
  readonly lastHeardMsAgo: number;
}

interface Explanation {
  readonly state: 'waiting' | 'away';
  readonly message?: string;
  readonly host?: string;
  readonly phase?: string;
  readonly home?: readonly { readonly reason: string; readonly nodes?: number }[];
  readonly neighbours?: Readonly<Record<string, string>>;
}

export function agentCommands(): readonly Command[] {
  return [statusCommand(), neighboursCommand(), explainCommand()];
}

function statusCommand(): Command {
  return asking(new Command('status').description('what this cluster’s agent has and does')).action(
    async ({ agent, output }: Asking) => {
      const status = await askAgent<Status>(agent, '/v1/status');
      print(output === 'json' ? JSON.stringify(status, null, 2) : statusText(status));
    },
  );
}

function neighboursCommand(): Command {
  const command = new Command('neighbours')
    .alias('neighbors')
    .description('who the neighbours are');
  return asking(command).action(async ({ agent, output }: Asking) => {
    const rows = await askAgent<NeighbourRow[]>(agent, '/v1/neighbours');
    print(output === 'json' ? JSON.stringify(rows, null, 2) : neighboursText(rows));
  });
}

function explainCommand(): Command {
  const explain = new Command('explain').description('why a pod waits, or where it is');
  const pod = new Command('pod')
    .argument('<name>')
    .option('-n, --namespace <name>', 'its namespace', 'default');
  asking(pod).action(
    async (name: string, { agent, output, namespace }: Asking & { namespace: string }) => {
      const query = new URLSearchParams({ namespace, name });
      const explanation = await askAgent<Explanation>(agent, `/v1/explain?${query.toString()}`);
      print(
        output === 'json'
          ? JSON.stringify(explanation, null, 2)
          : explanationText(name, explanation),
      );
    },
  );
  return explain.addCommand(pod);
}

interface Asking {
  readonly agent: string;
  readonly output: string;
}

function asking(command: Command): Command {
  return command
    .option(
      '--agent <url>',
      'HTTP address of the agent (or SPILLWAY_AGENT)',
      process.env['SPILLWAY_AGENT'] ?? agentDefault,
    )
    .option('-o, --output <format>', 'json, or a table', 'table');
}

function statusText(status: Status): string {
  if (!status.active) return `${status.cluster}: this agent stands by; another one is active`;
  const { cpu, memory, guests } = status;
  const gibibytes = (bytes = 0): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const counts = (byName: Readonly<Record<string, number>> = {}): string =>
    Object.entries(byName)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  return table(
    ['CLUSTER', status.cluster],
    [
      ['ready', status.ready ? 'yes' : pc.red('not yet')],
      ['peer', status.peer ?? ''],
      ['addresses', status.addresses?.join(' ') ?? ''],
      [
        'CPU free',
        `${((cpu?.freeMilli ?? 0) / 1000).toFixed(1)} of ${((cpu?.allocatableMilli ?? 0) / 1000).toFixed(1)}`,
      ],
      ['memory free', `${gibibytes(memory?.freeBytes)} of ${gibibytes(memory?.allocatableBytes)}`],
      ['room for', counts(status.room)],
      ['our pods waiting', status.waiting ?? 0],
      ['our pods away', counts(status.away)],
      ['guests here', counts(guests?.byHome)],
      ['slots held', guests?.held ?? 0],
      ['memory of the agent', `${Math.round((status.rssBytes ?? 0) / 1e6)} MB`],
    ],
  );
}

function neighboursText(rows: readonly NeighbourRow[]): string {
  if (rows.length === 0) return 'No neighbours are known yet.';
  const sorted = [...rows].sort((a, b) => a.rttMs - b.rttMs);
  return table(
    [
      'NEIGHBOUR',
      'STATE',
      'RTT',
      'ROOM 500m/512Mi',
      '1/1Gi',
      '2/4Gi',
      'GPUS',
      'OURS THERE',
      'THEIRS HERE',
      'HEARD',
    ],
    sorted.map((row) => [
      row.cluster,
      row.liveness === 'alive' ? row.liveness : pc.red(row.liveness),
      `${row.rttMeasured ? '' : '~'}${row.rttMs} ms`,
      row.room['500m/512Mi'] ?? 0,
      row.room['1/1Gi'] ?? 0,
      row.room['2/4Gi'] ?? 0,
      Object.entries(row.gpus)
        .map(([name, count]) => `${count} ${name}`)
        .join(' ') || '-',
      row.ourPodsThere,
      row.theirPodsHere,
      `${(row.lastHeardMsAgo / 1000).toFixed(0)}s ago`,
    ]),
  );
}

function explanationText(name: string, explanation: Explanation): string {
  if (explanation.state === 'away')
    return `${name} is at ${explanation.host ?? ''} (${explanation.phase ?? ''}).`;
  const neighbours = Object.entries(explanation.neighbours ?? {});
  return [
    `${name} waits: ${explanation.message ?? ''}`,
    ...(neighbours.length > 0 ? ['', table(['NEIGHBOUR', 'WHY NOT'], neighbours)] : []),
  ].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
