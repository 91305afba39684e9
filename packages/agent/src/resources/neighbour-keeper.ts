/** Neighbour objects from the directory, the machines' counts and the mesh, while their CRD is served. */
import { nodeRemovedMs, type RevokedNeighbour } from '@spillway/agent-core';
import type { Clock, ClusterName, MonotonicMs, WallMs } from '@spillway/core';
import type { Directory, DirectoryConfig, Home, Host } from '@spillway/federation';
import { type ApiClient, type NeighbourFacts, NeighbourObjects } from '@spillway/kubernetes';
import type { Mesh } from '@spillway/mesh';
import type { Log } from '../reporting/log.ts';

export interface NeighbourKeeperOptions {
  readonly api: ApiClient;
  readonly directory: Directory;
  readonly preset: DirectoryConfig;
  readonly home: Home;
  readonly host: Host;
  readonly mesh: Mesh;
  readonly cordoned: (cluster: ClusterName) => boolean;
  readonly revoked: () => ReadonlyMap<ClusterName, RevokedNeighbour>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long until a list that failed, for example for a missing right, is tried again (ms). */
const listRetryMs = 60_000;

export class NeighbourKeeper {
  readonly #options: NeighbourKeeperOptions;
  readonly #objects: NeighbourObjects;
  #busy = false;
  #nextTry = 0;

  constructor(options: NeighbourKeeperOptions) {
    this.#options = options;
    const { api, preset } = options;
    this.#objects = new NeighbourObjects({
      api,
      suspectMs: preset.suspectMs,
      silentMs: preset.suspectMs + preset.goneMs,
      forgottenMs: nodeRemovedMs,
    });
  }

  /** Call about once a second while the CRD is served. @returns false when it turns out not to be. */
  async keep(): Promise<boolean> {
    const { clock, log } = this.#options;
    if (this.#busy || clock.monotonicMs() < this.#nextTry) return true;
    this.#busy = true;
    try {
      return await this.#objects.keep(this.#facts(), clock.wallMs(), (neighbour, error) => {
        log.warn({ neighbour, err: error }, 'Neighbour could not be written; retrying');
      });
    } catch (error) {
      this.#nextTry = clock.monotonicMs() + listRetryMs;
      log.warn({ err: error }, 'Neighbours could not be listed; retrying in one minute');
      return true;
    } finally {
      this.#busy = false;
    }
  }

  #facts(): readonly NeighbourFacts[] {
    const { directory, home, host, mesh, clock } = this.#options;
    const now = clock.monotonicMs();
    const paths = mesh.paths();
    const { awayByHost } = home.counts();
    const { byHome } = host.counts();
    const hosts = home.hosts();
    const revoked = this.#options.revoked();
    const all = [...directory.neighbours(), ...[...revoked.values()].map(({ last }) => last)];
    return all.flatMap((neighbour): readonly NeighbourFacts[] => {
      const { cluster, advert, lastHeard } = neighbour;
      if (now - lastHeard > nodeRemovedMs && !hosts.has(cluster)) return [];
      return [
        {
          cluster,
          state: revoked.has(cluster) ? 'revoked' : neighbour.liveness,
          cordoned: this.#options.cordoned(cluster),
          link: paths.get(neighbour.peer)?.kind ?? 'none',
          rttMs: neighbour.rttMs,
          rttMeasured: neighbour.rttMeasured,
          accepting: advert.accepting,
          guestsFree: advert.guestsFree,
          room: advert.freeCapacity,
          free: advert.totals.free,
          guestsHere: byHome.get(cluster) ?? 0,
          podsThere: awayByHost.get(cluster) ?? 0,
          lastHeard: this.#wallOf(lastHeard, now),
          attributes: neighbour.attributes,
          labels: advert.labels,
          addresses: advert.addresses,
        },
      ];
    });
  }

  #wallOf(at: MonotonicMs, now: MonotonicMs): WallMs {
    return (this.#options.clock.wallMs() - (now - at)) as WallMs;
  }
}
