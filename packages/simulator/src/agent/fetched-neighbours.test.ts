import type { ClusterName } from '@spillway/core';
import { Directory, directoryPresets, originCoordinate } from '@spillway/federation';
import { expect, test } from 'vitest';
import { memberOf } from '../network/network.ts';
import { VirtualTime } from '../virtual-time.ts';
import { type Arrival, FetchedNeighbours, KeptDirectories } from './fetched-neighbours.ts';

const config = directoryPresets.lan;
const [self, other] = ['self', 'other'] as ClusterName[] as [ClusterName, ClusterName];

/** One neighbour, 10 ms away, of which there is what `arrive` has brought. Only one directory is kept. */
function fetching() {
  const time = new VirtualTime();
  const directories = new KeptDirectories(1_000_000);
  let last: Arrival | undefined;
  const neighbourhood = new FetchedNeighbours({
    cluster: self,
    config,
    time,
    proximity: { coordinate: () => originCoordinate, measuredRttMs: () => 10 },
    arrivals: {
      arrived: () => (last === undefined ? [] : [last]),
      lastArrived: () => last,
    },
    directories,
  });
  const arrive = (sequence: number): void => {
    last = { advert: advertOf(sequence), from: memberOf(other), at: time.now };
  };
  const liveness = () => neighbourhood.neighbours().map((each) => each.liveness);
  const lookElsewhere = (): void => void directories.of('elsewhere' as ClusterName, empty);
  return { time, neighbourhood, directories, arrive, liveness, lookElsewhere };
}

const empty = (): Directory => new Directory({ config, self, coordinate: () => originCoordinate });

function advertOf(sequence: number): Arrival['advert'] {
  const amounts = { milliCpu: 0, memoryBytes: 0, ephemeralStorageBytes: 0, pods: 0 };
  const nothing = { ...amounts, extended: new Map<string, number>() };
  return {
    cluster: other,
    peer: memberOf(other).peer,
    version: { epoch: 1, sequence },
    ttlMs: config.ttlMs,
    addresses: [],
    coordinate: originCoordinate,
    labels: {},
    accepting: true,
    guestsFree: 1,
    freeCapacity: { classes: [], bins: [] },
    totals: { allocatable: nothing, free: nothing },
  };
}

test('all that has arrived is known, with its RTT, also by whom nothing was kept for', () => {
  const { time, neighbourhood, arrive, lookElsewhere } = fetching();
  expect(neighbourhood.neighbours()).toEqual([]);
  time.run(1_000, () => {});
  arrive(1);
  expect(neighbourhood.neighbour(other)?.advert.version.sequence).toBe(1);
  lookElsewhere();
  time.run(2_000, () => {});
  expect(neighbourhood.neighbours()).toMatchObject([
    { cluster: other, rttMs: 10, rttMeasured: true, advertAt: 1_000, liveness: 'alive' },
  ]);
});

test('a directory is let go of where everybody is alive, and not where somebody has been silent', () => {
  const { time, directories, arrive, liveness, lookElsewhere } = fetching();
  arrive(1);
  expect(liveness()).toEqual(['alive']);
  lookElsewhere();
  expect(directories.kept(self)).toBeUndefined();
  time.run(config.suspectMs + 1, () => {});
  expect(liveness()).toEqual(['suspect']);
  lookElsewhere();
  expect(directories.kept(self)).toBeDefined();
  // One sign of life does not make it alive again; lasting ones do.
  arrive(2);
  time.run(time.now + 1, () => {});
  expect(liveness()).toEqual(['suspect']);
  time.run(time.now + config.recoverMs, () => {});
  arrive(3);
  expect(liveness()).toEqual(['alive']);
});
