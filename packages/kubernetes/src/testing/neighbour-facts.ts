/** A neighbour as an agent may know it, for tests to vary. */
import { clusterName, type WallMs } from '@spillway/core';
import type { NeighbourFacts } from '../neighbour-status.ts';

export function factsOf(cluster: string, change: Partial<NeighbourFacts> = {}): NeighbourFacts {
  const free = {
    milliCpu: 24_050,
    memoryBytes: 48.25 * 2 ** 30,
    ephemeralStorageBytes: 0,
    pods: 100,
    extended: new Map([['nvidia.com/gpu', 2]]),
  };
  return {
    cluster: clusterName(cluster),
    state: 'alive',
    cordoned: false,
    link: 'direct',
    rttMs: 12.34,
    rttMeasured: true,
    accepting: true,
    guestsFree: 90,
    room: { classes: [{ labels: {}, taints: [] }], bins: [{ nodeClass: 0, nodes: 1, free }] },
    free,
    guestsHere: 1,
    podsThere: 4,
    lastHeard: 1_800_000_000_000 as WallMs,
    attributes: { region: 'eu' },
    labels: { price: 'low' },
    addresses: ['/ip4/192.0.2.1/tcp/7420'],
    ...change,
  };
}
