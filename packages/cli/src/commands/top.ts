/** `spillway top`: all clusters at a glance: room, guests, pods away. */
import {
  type ActiveStatus,
  type NeighbourRow,
  neighboursResponse,
  statusResponse,
} from '@spillway/agent/api-schemas';
import { Fault } from '@spillway/core';
import { Command } from 'commander';
import { z } from 'zod';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import { type Format, rendered, withOutput } from '../output/format.ts';
import { HiddenColumns, table, terminalColumns } from '../output/table.ts';
import { shown, type WatchOptions, withWatch } from '../output/watch.ts';
import { bar, countsText, cpus, gibibytes, livenessText, rtt } from '../output/words.ts';
import { byDistance } from './neighbours.ts';

type Options = ConnectionOptions &
  WatchOptions & { readonly output: Format; readonly once: boolean };

const free = z.object({ allocatable: z.number(), free: z.number() });
export const topOutput = z.array(
  z.object({
    cluster: z.string(),
    self: z.boolean().describe('the cluster that was asked'),
    liveness: z.enum(['alive', 'suspect', 'gone', 'revoked']),
    rttMs: z.number().describe('from the cluster that was asked'),
    cpuMilli: free,
    memoryBytes: free,
    room: z
      .record(z.string(), z.number().int())
      .describe('how many pods of some common shapes fit'),
    guestsFree: z.number().int().describe('how many more guests it accepts'),
    ours: z
      .number()
      .int()
      .describe('pods of the asked cluster there; for the asked cluster itself: all its pods away'),
    theirs: z
      .number()
      .int()
      .describe('its guests in the asked cluster; for the asked cluster itself: all its guests'),
    waiting: z.number().int().optional().describe('only of the cluster that was asked'),
  }),
);
type Row = z.infer<typeof topOutput>[number];

export function topCommand(): Command {
  const command = new Command('top')
    .description('show all clusters in one table: room, guests, pods away')
    .option(
      '--once',
      'print once, without a refresh. Default if the output is not a terminal',
      false,
    )
    .addHelpText(
      'after',
      `
On a terminal it refreshes until Ctrl-C. Elsewhere it prints once. With -w it prints repeatedly.

Examples:
  spillway top
  spillway top --interval 5
  spillway top --once -o json | jq '.[] | {cluster, guestsFree}'`,
    );
  return withWatch(withOutput(withAgent(command))).action(async (options: Options) => {
    const agent = await agentOf(options);
    const hidden = new HiddenColumns();
    const live = process.stdout.isTTY && !options.once && options.output === 'table';
    await shown(
      async () => {
        const [status, neighbours] = await Promise.all([
          agent.ask(statusResponse, { path: '/v1/status' }),
          agent.ask(neighboursResponse, { path: '/v1/neighbours' }),
        ]);
        if (!status.active)
          throw new Fault('Unavailable', `the agent of ${status.cluster} that was asked stands by`);
        const value = rowsOf(status, neighbours);
        return rendered(options.output, {
          value,
          table: () => topText(value, terminalColumns(), hidden),
          names: (rows) => rows.map(({ cluster }) => `cluster/${cluster}`),
        });
      },
      { ...options, watch: options.watch || live },
    );
  });
}

export function rowsOf(status: ActiveStatus, neighbours: readonly NeighbourRow[]): Row[] {
  const { cluster, cpu, memory, room, guests, away, waiting } = status;
  return [
    {
      cluster,
      self: true,
      liveness: 'alive',
      rttMs: 0,
      cpuMilli: { allocatable: cpu.allocatableMilli, free: cpu.freeMilli },
      memoryBytes: { allocatable: memory.allocatableBytes, free: memory.freeBytes },
      room,
      guestsFree: guests.free,
      ours: Object.values(away).reduce((sum, count) => sum + count, 0),
      theirs: guests.total,
      waiting,
    },
    ...byDistance(neighbours).map(
      (row): Row => ({
        cluster: row.cluster,
        self: false,
        liveness: row.liveness,
        rttMs: row.rttMs,
        cpuMilli: {
          allocatable: row.totals.allocatable.milliCpu,
          free: row.totals.free.milliCpu,
        },
        memoryBytes: {
          allocatable: row.totals.allocatable.memoryBytes,
          free: row.totals.free.memoryBytes,
        },
        room: row.room,
        guestsFree: row.guestsFree,
        ours: row.ourPodsThere,
        theirs: row.theirPodsHere,
      }),
    ),
  ];
}

/** The first of them to be left out on a narrow terminal first. */
const optional = ['CPU USED', 'MEMORY FREE', 'THEIRS', 'OURS'];

export function topText(
  rows: readonly Row[],
  columns = terminalColumns(),
  hidden?: HiddenColumns,
): string {
  const [self] = rows;
  const head = [
    'CLUSTER',
    'STATE',
    'RTT',
    'CPU USED',
    'CPU FREE',
    'MEMORY FREE',
    'ROOM 1/1Gi',
    'OURS',
    'THEIRS',
  ];
  const lines = rows.map(({ cpuMilli, memoryBytes, ...row }) => [
    row.self ? `${row.cluster} *` : row.cluster,
    livenessText(row.liveness),
    row.self ? '-' : rtt(row.rttMs),
    bar(1 - cpuMilli.free / Math.max(1, cpuMilli.allocatable)),
    `${cpus(cpuMilli.free)}/${cpus(cpuMilli.allocatable)}`,
    `${gibibytes(memoryBytes.free)}/${gibibytes(memoryBytes.allocatable)}`,
    row.room['1/1Gi'] ?? 0,
    row.ours,
    row.theirs,
  ]);
  const away = rows.filter((row) => !row.self).map(({ cluster, ours }) => [cluster, ours] as const);
  return `${table(head, lines, { optional, columns, hidden })}

* ${self?.cluster ?? ''}: ${self?.waiting ?? 0} waiting; away: ${countsText(Object.fromEntries(away))}`;
}
