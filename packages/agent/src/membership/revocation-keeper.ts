/**
 * What is revoked, from all sides: what the cluster has kept, what an operator gives, what the mesh
 * hears. Keeps it in the cluster, and says which clusters are revoked: whose certificate, the newest
 * that they proved themselves by, is named by a revocation. See docs/adr/0019.
 */
import { type ClusterName, randomStream } from '@spillway/core';
import { isRevoked, type RevokedClusters } from '@spillway/federation';
import {
  type ApiClient,
  isNoPlace,
  type RememberedNeighbour,
  RevocationStore,
  type StoredRevocations,
} from '@spillway/kubernetes';
import {
  type Membership,
  type PublicKey,
  readRevocations,
  type Revocable,
  type Revocation,
  Revocations,
  revocationsText,
} from '@spillway/mesh';
import type { Log } from '../reporting/log.ts';
import type { Metrics } from '../reporting/metrics.ts';

export interface RevocationKeeperOptions {
  readonly api: ApiClient;
  readonly namespace: string;
  readonly root: PublicKey;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What the machines and the neighbours must do when it changes. */
export interface RevocationListeners {
  /** Puts a list in force; see `Mesh.revoke`. */
  readonly revoke: (list: Uint8Array) => Promise<unknown>;
  readonly ownRevocation: () => Revocation | undefined;
  readonly onRevoked: (clusters: RevokedClusters, why: (cluster: ClusterName) => string) => void;
}

const keepRetryMs = 2_000;
/** How often the agent looks for the ConfigMap again when it does not exist (ms). */
const noPlaceRetryMs = 30_000;

export class RevocationKeeper {
  readonly revocations: Revocations;
  readonly #options: RevocationKeeperOptions;
  readonly #store: RevocationStore;
  /** By which certificate each cluster proved itself, the newest that is not revoked before any other. */
  readonly #known = new Map<ClusterName, Revocable>();
  /** Known by their virtual node alone. */
  readonly #nameless = new Set<ClusterName>();
  #listeners: RevocationListeners | undefined;
  #revoked: RevokedClusters = new Set();
  #given: string | undefined;
  #kept = false;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RevocationKeeperOptions) {
    this.#options = options;
    const { api, namespace, root, log } = options;
    this.revocations = new Revocations(root);
    this.#store = new RevocationStore({
      api,
      namespace,
      random: randomStream(1, 'revocations'),
      onStored: (stored) => void this.#stored(stored),
      onBroken: (error) => log.debug({ err: error }, 'watch of revocations broke; it is resumed'),
    });
  }

  /** Before anybody is let in. @throws Fault when the API server can't be asked. */
  async load(remembered: readonly RememberedNeighbour[]): Promise<void> {
    const { log } = this.#options;
    for (const { cluster, membership } of remembered) {
      if (membership === undefined) this.#nameless.add(cluster);
      else this.#known.set(cluster, { cluster, ...membership });
    }
    try {
      const { kept, given } = await this.#store.load();
      for (const text of [kept, given]) await this.#merge(text);
      this.#kept = kept === this.#text();
    } catch (error) {
      if (!isNoPlace(error)) throw error;
      log.error(
        { err: error },
        'there is no ConfigMap spillway-revocations that can be read: what is revoked is learnt from neighbours, and forgotten with this process',
      );
    }
    this.#count();
    if (this.revocations.size > 0) log.info({ revocations: this.revocations.size }, 'revocations');
  }

  start(listeners: RevocationListeners): void {
    this.#listeners = listeners;
    this.#applyRevocations();
    this.#store.start();
    void this.#keep();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#store.stop();
  }

  /** The mesh has new ones, and they are in force there. */
  learnt(added: readonly Revocation[]): void {
    const { log } = this.#options;
    for (const revocation of added) log.warn({ revocation }, 'revoked by the federation’s root');
    this.#kept = false;
    void this.#keep();
    this.#applyRevocations();
  }

  /** A neighbour has proven its membership; revoked or not. Cheap to call for every advert. */
  proved(member: Membership): void {
    const { cluster, serial, peer, notBeforeMs } = member;
    const known = this.#known.get(cluster);
    if (known?.serial === serial) return;
    const good = this.revocations.of(member) === undefined;
    const knownGood = known !== undefined && this.revocations.of(known) === undefined;
    // A peer that shows an old certificate changes nothing for a cluster that has a new one.
    if (knownGood && (!good || notBeforeMs < known.notBeforeMs)) return;
    this.#known.set(cluster, { cluster, serial, peer, notBeforeMs });
    this.#nameless.delete(cluster);
    if (!good || isRevoked(this.#revoked, cluster)) this.#applyRevocations();
  }

  /** For the virtual node: what a later agent compares with. */
  membershipOf(cluster: ClusterName): Revocable | undefined {
    return this.#known.get(cluster);
  }

  status() {
    const own = this.#listeners?.ownRevocation();
    const clusters = this.#revoked === 'all' ? [...this.#known.keys()] : [...this.#revoked];
    return {
      count: this.revocations.size,
      /** Whether all that is known would outlive this process. */
      kept: this.#kept,
      own: own === undefined ? null : { reason: own.reason, revokedAt: dateOf(own) },
      neighbours: own === undefined ? clusters.map((cluster) => this.#shown(cluster)) : [],
    };
  }

  async #stored({ given, kept }: StoredRevocations): Promise<void> {
    const { log } = this.#options;
    // Someone has changed or removed it.
    if (kept !== this.#text()) {
      this.#kept = false;
      void this.#keep();
    }
    if (given === undefined || given === this.#given) return;
    this.#given = given;
    try {
      await this.#listeners?.revoke(readRevocations(given));
    } catch (error) {
      log.error({ err: error }, 'the list in ConfigMap spillway-revocations can’t be read');
    }
  }

  async #merge(text: string | undefined): Promise<void> {
    if (text === undefined || text === '') return;
    const { log } = this.#options;
    try {
      const { problem, detail } = await this.revocations.merge(readRevocations(text));
      if (problem !== undefined)
        log.error({ problem, detail }, 'a list in ConfigMap spillway-revocations is refused');
    } catch (error) {
      log.error({ err: error }, 'a list in ConfigMap spillway-revocations can’t be read');
    }
  }

  /** Writes all that is known, until it is there. */
  async #keep(): Promise<void> {
    clearTimeout(this.#retry);
    if (this.#stopped || this.#kept) return;
    const { log } = this.#options;
    const text = this.#text();
    try {
      if (text !== undefined) await this.#store.keep(text);
      this.#kept = text === this.#text();
    } catch (error) {
      if (!isNoPlace(error)) log.warn({ err: error }, 'revocations could not be kept; tried again');
      this.#retry = setTimeout(
        () => void this.#keep(),
        isNoPlace(error) ? noPlaceRetryMs : keepRetryMs,
      );
    }
  }

  /** As it is kept; undefined where nothing is revoked. */
  #text(): string | undefined {
    return this.revocations.size === 0 ? undefined : revocationsText(this.revocations.encoded());
  }

  #applyRevocations(): void {
    this.#count();
    const { log } = this.#options;
    const own = this.#listeners?.ownRevocation();
    const before = this.#revoked;
    this.#revoked = own === undefined ? this.#named() : 'all';
    if (this.#revoked === 'all' && before !== 'all') {
      log.error(
        { reason: own?.reason },
        'this cluster is revoked: it has no neighbours any more; its guests and its pods away are ended',
      );
    }
    const why = (cluster: ClusterName): string =>
      own === undefined
        ? `the federation’s root has revoked it: ${this.#why(cluster)?.reason || 'no reason given'}`
        : `this cluster itself is revoked: ${own.reason || 'no reason given'}`;
    this.#listeners?.onRevoked(this.#revoked, why);
  }

  #named(): ReadonlySet<ClusterName> {
    const names = [...this.#known.keys(), ...this.#nameless];
    return new Set(names.filter((cluster) => this.#why(cluster) !== undefined));
  }

  #why(cluster: ClusterName): Revocation | undefined {
    const known = this.#known.get(cluster);
    return known === undefined ? this.revocations.ofCluster(cluster) : this.revocations.of(known);
  }

  #shown(cluster: ClusterName) {
    const revocation = this.#why(cluster);
    return {
      cluster,
      reason: revocation?.reason ?? '',
      ...(revocation && { revokedAt: dateOf(revocation) }),
    };
  }

  #count(): void {
    const { metrics } = this.#options;
    metrics.revocations.set(this.revocations.size);
    metrics.revoked.set(this.#listeners?.ownRevocation() === undefined ? 0 : 1);
  }
}

function dateOf({ revokedMs }: Revocation): string {
  return new Date(revokedMs).toISOString();
}
