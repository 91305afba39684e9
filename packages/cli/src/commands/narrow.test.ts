import type { NeighbourRow } from '@spillway/agent/api-schemas';
import { describe, expect, it } from 'vitest';
import { neighboursText } from './neighbours.ts';
import { HiddenColumns } from '../output/table.ts';
import { topText } from './top.ts';

const columns = 80;
const neighbour: NeighbourRow = {
  cluster: 'frankfurt-am-main-2',
  liveness: 'suspect',
  cordoned: false,
  link: 'direct',
  rttMs: 1234.5,
  rttMeasured: false,
  accepting: true,
  guestsFree: 1_000,
  room: { '500m/512Mi': 12_345, '1/1Gi': 12_345, '2/4Gi': 12_345 },
  gpus: { 'nvidia.com/gpu': 128 },
  totals: {
    allocatable: { milliCpu: 4_000_000, memoryBytes: 2 ** 43 },
    free: { milliCpu: 2_000_000, memoryBytes: 2 ** 42 },
  },
  ourPodsThere: 10_000,
  theirPodsHere: 10_000,
  lastHeardMsAgo: 100_000,
  advertMsAgo: 100_000,
  peer: '12D3KooWx',
  addresses: ['/ip4/192.0.2.1/tcp/7420'],
  attributes: {},
  labels: {},
};

describe('on a terminal of 80 columns', () => {
  const top = {
    cluster: neighbour.cluster,
    self: true,
    liveness: neighbour.liveness,
    rttMs: 1234.5,
    cpuMilli: { allocatable: 4_000_000, free: 2_000_000 },
    memoryBytes: { allocatable: 2 ** 43, free: 2 ** 42 },
    room: neighbour.room,
    guestsFree: 1_000,
    ours: 10_000,
    theirs: 10_000,
    waiting: 3,
  };

  it.each([
    ['neighbours', neighboursText([neighbour], false, columns)],
    ['top', topText([top], columns)],
  ])('%s fits, and says what it leaves out', (_, text) => {
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    expect(text).toContain(neighbour.cluster);
    expect(text).toMatch(/^Hidden columns \(narrow terminal\): /m);
  });

  it.each([
    [
      'neighbours',
      (cluster: string, width: number, hidden: HiddenColumns) =>
        neighboursText([{ ...neighbour, cluster }], false, width, hidden),
    ],
    [
      'top',
      (cluster: string, width: number, hidden: HiddenColumns) =>
        topText([{ ...top, cluster }], width, hidden),
    ],
  ])(
    '%s that is shown again and again does not bring a column back before the width changes',
    (_, shownAt) => {
      const head = (cluster: string, width: number) =>
        shownAt(cluster, width, hidden).split('\n')[0]?.replaceAll(/ +/g, ' ');
      const hidden = new HiddenColumns();
      const short = head('x', columns);
      const long = head('a-cluster-of-a-long-name', columns);
      expect(long).not.toBe(short);
      expect(head('x', columns)).toBe(long);
      expect(head('x', columns + 1)).toBe(short);
    },
  );
});
