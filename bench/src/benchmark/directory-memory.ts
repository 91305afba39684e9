/** Measures the memory of an agent's directory with `clusters` neighbours: adverts as decoded from the wire. */
import { assert, type ClusterName, clusterName, type MonotonicMs, peerId } from '@spillway/core';
import { Directory, directoryPresets, originCoordinate } from '@spillway/federation';
import { decodeAdvert, encodeAdvert } from '@spillway/wire';

const gibibyte = 2 ** 30;

/** Many small directories are made, so that other changes of the heap are small beside them. */
const neighboursMin = 5_000;

/** Bytes of heap. Collects garbage where node lets it; otherwise the figure is an upper bound. */
export function directoryBytes(neighbours: number): number {
  const directories = Math.ceil(neighboursMin / neighbours);
  // The first ones compile code and fill caches, which would count as their own.
  heapGrowth(neighbours, directories);
  return Math.max(0, heapGrowth(neighbours, directories) / directories);
}

function heapGrowth(neighbours: number, count: number): number {
  const directories = Array.from(
    { length: count },
    () =>
      new Directory({
        config: { ...directoryPresets.edge, neighboursMax: neighbours },
        self: 'self' as ClusterName,
        coordinate: () => originCoordinate,
      }),
  );
  const encoded = Array.from({ length: neighbours }, (_, i) => encodedAdvert(i));
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (const directory of directories) {
    for (const [i, bytes] of encoded.entries()) {
      const { advert } = decodeAdvert(bytes);
      const from = { cluster: advert.cluster, peer: advert.peer, attributes: { region: 'eu' } };
      directory.receive(advert, from, i as MonotonicMs);
    }
  }
  globalThis.gc?.();
  const bytes = process.memoryUsage().heapUsed - before;
  const kept = directories.every(({ size }) => size === neighbours);
  assert(kept, 'a directory that has forgotten someone is not what was to be measured');
  return bytes;
}

function encodedAdvert(i: number): Uint8Array {
  const amounts = (milliCpu: number) => ({
    milliCpu,
    memoryBytes: 4 * gibibyte,
    ephemeralStorageBytes: 0,
    pods: 110,
    extended: new Map<string, number>(),
  });
  return encodeAdvert({
    certificate: new Uint8Array(240),
    advert: {
      cluster: clusterName(`site-${i}`),
      peer: peerId(`12D3KooW${`${i}`.padStart(44, 'A')}`),
      version: { epoch: 1, sequence: i },
      ttlMs: 120_000,
      addresses: [`/ip4/10.0.${(i >> 8) & 255}.${i & 255}/tcp/7420`],
      coordinate: originCoordinate,
      labels: {},
      accepting: true,
      guestsFree: 1_000,
      freeCapacity: {
        classes: [{ labels: { 'kubernetes.io/arch': 'amd64' }, taints: [] }],
        bins: [1, 2, 3].map((cpus) => ({ nodeClass: 0, nodes: 1, free: amounts(900 * cpus + i) })),
      },
      totals: { allocatable: amounts(12_000), free: amounts(5_000) },
    },
  });
}
