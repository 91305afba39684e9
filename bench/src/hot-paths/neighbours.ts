/** What a home and a host compute for each other: room to advertise, and whom to ask. */
import { clusterName, type MonotonicMs } from '@spillway/core';
import {
  fitCount,
  type Neighbour,
  nearest,
  rankNeighbours,
  capacityBounds,
  freeCapacityOf,
  capacityTotals,
} from '@spillway/federation';
import { Snapshot } from '@spillway/scheduling';
import { advertOf, peer } from './adverts.ts';
import { bigCluster, node, plainShape, pod } from './big-cluster.ts';
import { assertBenchmarked, type HotPath } from './hot-path.ts';

const nodes = 1_000;
const neighbourCount = 1_000;

/** Nodes are filled unequally, so that bins are many and have to be merged. */
export const room: HotPath = {
  name: 'room',
  what: 'free room of 1,000 unequally filled nodes as an advert says it',
  baseline: 'sums over all nodes, which say nothing of fragmentation',
  perCall: { ours: 1, baseline: 1 },
  prepare() {
    let snapshot = Snapshot.empty;
    for (let i = 0; i < nodes; i++) {
      snapshot = snapshot.withNode(node(i));
      for (let k = 0; k < (i * 7) % 50; k++) {
        snapshot = snapshot.withPod(pod(`pod-${i}-${k}`, `node-${i}`));
      }
    }
    const found = freeCapacityOf(snapshot);
    const told = found.bins.reduce((sum, bin) => sum + bin.nodes, 0);
    assertBenchmarked(told === nodes, 'every node is in a bin');
    assertBenchmarked(found.bins.length <= capacityBounds.binsMax, 'bins are bounded');
    assertBenchmarked(fitCount(found, plainShape) > 0, 'there is room');
    return { ours: () => freeCapacityOf(snapshot), baseline: () => capacityTotals(snapshot) };
  },
};

export const rank: HotPath = {
  name: 'neighbours ranked',
  what: 'whom of 1,000 neighbours to ask for one shape, by the fit of that shape',
  baseline: 'sorted by RTT alone',
  perCall: { ours: 1, baseline: 1 },
  prepare() {
    const advert = advertOf(0, 1);
    assertBenchmarked(freeCapacityOf(bigCluster()).bins.length > 0, 'the adverts have room');
    const neighbours = Array.from({ length: neighbourCount }, (_, i): Neighbour => {
      const cluster = clusterName(`cluster-${i}`);
      return {
        cluster,
        peer,
        attributes: { region: 'eu', zone: `eu-${i % 3}` },
        advert: { ...advert, cluster },
        liveness: 'alive',
        rttMs: (i * 37) % 211,
        rttMeasured: true,
        lastHeard: 0 as MonotonicMs,
        advertAt: 0 as MonotonicMs,
      };
    });
    const ours = () =>
      rankNeighbours({ shape: plainShape, count: 10, policy: nearest, neighbours });
    const baseline = () => [...neighbours].sort((a, b) => a.rttMs - b.rttMs);
    assertBenchmarked(ours().ranked.length === neighbourCount, 'all are ranked');
    assertBenchmarked(ours().ranked[0]?.rttMs === baseline()[0]?.rttMs, 'the nearest is first');
    return { ours, baseline };
  },
};
