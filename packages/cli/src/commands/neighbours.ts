/** `spillway neighbours`: who the neighbours are, how near, what they have. */
import { type NeighbourRow, neighboursResponse } from '@spillway/agent/api-schemas';
import { Command } from 'commander';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import { type Format, rendered, withOutput } from '../output/format.ts';
import { HiddenColumns, table, terminalColumns } from '../output/table.ts';
import { shown, type WatchOptions, withWatch } from '../output/watch.ts';
import { age, livenessText, rtt } from '../output/words.ts';

type Options = ConnectionOptions & WatchOptions & { readonly output: Format };

export function neighboursCommand(): Command {
  const command = new Command('neighbours')
    .alias('neighbors')
    .alias('nb')
    .description('list the neighbours, nearest first')
    .addHelpText(
      'after',
      `
Examples:
  spillway neighbours                    nearest first; ~ before an RTT: predicted, not measured
  spillway neighbours -o wide            with addresses, attributes and labels
  spillway neighbours -o name            neighbour/lyon, one a line`,
    );
  return withWatch(withOutput(withAgent(command))).action(async (options: Options) => {
    const agent = await agentOf(options);
    const hidden = new HiddenColumns();
    await shown(async () => {
      const value = byDistance(await agent.ask(neighboursResponse, { path: '/v1/neighbours' }));
      return rendered(options.output, {
        value,
        table: (wide) => neighboursText(value, wide, terminalColumns(), hidden),
        names: (rows) => rows.map(({ cluster }) => `neighbour/${cluster}`),
      });
    }, options);
  });
}

export function byDistance(rows: readonly NeighbourRow[]): readonly NeighbourRow[] {
  return [...rows].sort((a, b) => a.rttMs - b.rttMs || (a.cluster < b.cluster ? -1 : 1));
}

const heads = 'NEIGHBOUR,STATE,RTT,500m/512Mi,1/1Gi,2/4Gi,GPUS,OURS THERE,THEIRS HERE,HEARD';

/** The first of them to be left out on a narrow terminal first. */
const optional = ['500m/512Mi', '2/4Gi', 'GPUS', 'THEIRS HERE', 'OURS THERE'];

export function neighboursText(
  rows: readonly NeighbourRow[],
  wide = false,
  columns = terminalColumns(),
  hidden?: HiddenColumns,
): string {
  if (rows.length === 0) return 'This agent has heard no neighbour since it became active.';
  return table(
    [
      ...heads.split(','),
      ...(wide ? ['LINK', 'MORE GUESTS', 'ADVERT', 'ATTRIBUTES', 'ADDRESSES'] : []),
    ],
    rows.map((row) => [
      row.cluster,
      `${livenessText(row.liveness)}${row.cordoned ? ', cordoned' : ''}`,
      rtt(row.rttMs, row.rttMeasured),
      row.room['500m/512Mi'] ?? 0,
      row.room['1/1Gi'] ?? 0,
      row.room['2/4Gi'] ?? 0,
      Object.values(row.gpus).reduce((sum, count) => sum + count, 0) || '-',
      row.ourPodsThere,
      row.theirPodsHere,
      age(row.lastHeardMsAgo),
      ...(wide
        ? [
            row.via === undefined ? row.link : `${row.link} by ${row.via}`,
            row.accepting ? row.guestsFree : 'none',
            age(row.advertMsAgo),
            labelsText({ ...row.labels, ...row.attributes }),
            row.addresses.join(' ') || '-',
          ]
        : []),
    ]),
    wide ? {} : { optional, columns, hidden },
  );
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.sort().join(',') || '-';
}
