/** The picture while it happens: one line a cluster, then where pods went. */
import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { ClusterTally, Flow } from '../observation/tally.ts';

export interface ClusterRow extends ClusterTally {
  readonly cpuMilli: number;
}

const barWidth = 16;

export function clusterTable(rows: readonly ClusterRow[]): string {
  const table = borderless(['CLUSTER', 'CPU', 'HOME', 'HOSTED', 'AWAY', 'PENDING', 'DONE']);
  for (const row of rows) {
    table.push([
      styleText('bold', row.cluster),
      load(row.requestedMilliCpu, row.cpuMilli),
      row.home,
      row.hosted === 0 ? styleText('dim', '0') : styleText('cyan', String(row.hosted)),
      row.away === 0 ? styleText('dim', '0') : styleText('green', String(row.away)),
      row.pending === 0 ? styleText('dim', '0') : styleText('red', String(row.pending)),
      row.finished,
    ]);
  }
  return table.toString();
}

export function flowTable(
  flows: readonly Flow[],
  rttMs: (home: string, host: string) => number,
): string {
  if (flows.length === 0) return styleText('dim', '  nothing is away');
  const table = borderless(['FROM', 'TO', 'RTT', 'PODS']);
  for (const { home, host, pods } of flows) {
    table.push([home, host, `${rttMs(home, host).toFixed(0)} ms`, pods]);
  }
  return table.toString();
}

/** As `kubectl get` prints: columns and no lines. `lastWidth`: words of the last column are wrapped to it. */
export function borderless(head: readonly string[], lastWidth?: number): Table.Table {
  const sides = ['top', 'bottom', 'left', 'right', 'mid'];
  const corners = ['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const rest = ['left-mid', 'mid-mid', 'right-mid', 'middle'];
  return new Table({
    head: [...head],
    chars: Object.fromEntries([...sides, ...corners, ...rest].map((name) => [name, ''])),
    style: { head: [], border: [], 'padding-left': 2, 'padding-right': 0 },
    ...(lastWidth !== undefined && {
      colWidths: [...head.slice(1).map(() => null), lastWidth],
      wordWrap: true,
    }),
  });
}

function load(used: number, capacity: number): string {
  const share = capacity === 0 ? 0 : used / capacity;
  const full = Math.min(barWidth, Math.round(share * barWidth));
  const bar = '█'.repeat(full) + styleText('dim', '░'.repeat(barWidth - full));
  const text = `${Math.round(share * 100)}%`.padStart(4);
  return `${share > 0.97 ? styleText('red', bar) : bar} ${text}`;
}
