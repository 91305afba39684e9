/**
 * The neighbours of an agent that fetches what has reached it when it looks for room. It decides by the same
 * directory as if it had been handed each advert. No agent has to hold an advert that it does not look at.
 * Where all are alive, a directory has nothing that fetching would not bring back.
 */
import type { ClusterName, MonotonicMs } from '@spillway/core';
import {
  type Advert,
  Directory,
  type DirectoryConfig,
  type Member,
  type Neighbour,
  type Neighbourhood,
} from '@spillway/federation';
import type { VirtualTime } from '../virtual-time.ts';
import type { Proximity } from './proximity.ts';

export interface Arrival {
  readonly advert: Advert;
  readonly from: Member;
  readonly at: MonotonicMs;
}

/** What has reached an agent so far. */
export interface Arrivals {
  /** The last of each cluster that it has heard of. */
  arrived(cluster: ClusterName): Iterable<Arrival>;
  lastArrived(from: ClusterName, to: ClusterName): Arrival | undefined;
}

export interface FetchedNeighboursOptions {
  readonly cluster: ClusterName;
  readonly config: DirectoryConfig;
  readonly time: VirtualTime;
  readonly proximity: Proximity;
  readonly arrivals: Arrivals;
  readonly directories: KeptDirectories;
}

export class FetchedNeighbours implements Neighbourhood {
  readonly #options: FetchedNeighboursOptions;

  constructor(options: FetchedNeighboursOptions) {
    this.#options = options;
  }

  neighbours(): readonly Neighbour[] {
    const { cluster, time, proximity, arrivals, directories } = this.#options;
    const kept = directories.of(cluster, () => this.#directory());
    if (kept.fetchedAt !== time.now) {
      for (const arrival of arrivals.arrived(cluster)) learn(kept.directory, arrival, proximity);
      kept.directory.tick(time.now);
      kept.fetchedAt = time.now;
    }
    return kept.directory.neighbours();
  }

  /** Alive or not as last judged, when all were fetched: judging without that would suspect everybody. */
  neighbour(other: ClusterName): Neighbour | undefined {
    const { cluster, proximity, arrivals, directories } = this.#options;
    const directory = directories.kept(cluster) ?? this.#directory();
    const arrival = arrivals.lastArrived(other, cluster);
    if (arrival !== undefined) learn(directory, arrival, proximity);
    return directory.neighbour(other);
  }

  #directory(): Directory {
    const { config, cluster: self, proximity } = this.#options;
    return new Directory({ config, self, coordinate: proximity.coordinate });
  }
}

/** Returns whether it was news. A neighbour that is heard of for the first time has been measured, or never is. */
export function learn(
  directory: Directory,
  { advert, from, at }: Arrival,
  proximity: Proximity,
): boolean {
  const known = directory.size;
  if (directory.receive(advert, from, at) !== 'accepted') return false;
  if (directory.size > known) {
    const rttMs = proximity.measuredRttMs(advert.cluster);
    if (rttMs !== undefined) directory.rttSample(advert.cluster, rttMs, at);
  }
  return true;
}

interface Kept {
  readonly directory: Directory;
  fetchedAt: MonotonicMs | undefined;
}

/** Of all directories of all agents. Some 400 bytes each. */
const entriesMax = 1_000_000;

/**
 * The directories that were looked at last. One that knows of somebody who is not alive is kept however
 * many there are: how long that has been so is nowhere else.
 */
export class KeptDirectories {
  readonly #kept = new Map<ClusterName, Kept>();
  readonly #max: number;

  constructor(clusters: number) {
    this.#max = Math.ceil(entriesMax / clusters);
  }

  of(cluster: ClusterName, make: () => Directory): Kept {
    const kept = this.#kept.get(cluster) ?? { directory: make(), fetchedAt: undefined };
    this.#kept.delete(cluster);
    this.#kept.set(cluster, kept);
    if (this.#kept.size > this.#max) this.#dropOne();
    return kept;
  }

  kept(cluster: ClusterName): Directory | undefined {
    return this.#kept.get(cluster)?.directory;
  }

  #dropOne(): void {
    for (const [cluster, { directory }] of this.#kept) {
      if (!directory.neighbours().every(({ liveness }) => liveness === 'alive')) continue;
      this.#kept.delete(cluster);
      return;
    }
  }
}
