/**
 * The objects that decide placement, as they change: one reflector per kind. Kinds are independent of
 * one another; within a kind events come in the order of the API server's history.
 */
import type { ClusterEvent, Random } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { Reflector } from './reflector.ts';

export type WatchedKind = ClusterEvent['kind'];

export interface ClusterWatchOptions {
  readonly api: ApiClient;
  readonly random: Random;
  readonly onEvent: (event: ClusterEvent) => void;
  /** All kinds have been listed once: what is absent does not exist. Called once. */
  readonly onSynced: () => void;
  /** A watch broke, or a list failed; it is tried again. */
  readonly onBroken: (kind: WatchedKind, error: unknown) => void;
}

const paths: Readonly<Record<WatchedKind, string>> = {
  Node: '/api/v1/nodes',
  Namespace: '/api/v1/namespaces',
  PersistentVolume: '/api/v1/persistentvolumes',
  PersistentVolumeClaim: '/api/v1/persistentvolumeclaims',
  Pod: '/api/v1/pods',
  StorageClass: '/apis/storage.k8s.io/v1/storageclasses',
  CSIDriver: '/apis/storage.k8s.io/v1/csidrivers',
  CSINode: '/apis/storage.k8s.io/v1/csinodes',
  CSIStorageCapacity: '/apis/storage.k8s.io/v1/csistoragecapacities',
  PodDisruptionBudget: '/apis/policy/v1/poddisruptionbudgets',
};

export class ClusterWatch {
  readonly #options: ClusterWatchOptions;
  readonly #stopping = new AbortController();
  readonly #unsynced = new Set(Object.keys(paths) as WatchedKind[]);

  constructor(options: ClusterWatchOptions) {
    this.#options = options;
  }

  get synced(): boolean {
    return this.#unsynced.size === 0;
  }

  start(): void {
    const { api, random, onEvent, onBroken } = this.#options;
    for (const kind of Object.keys(paths) as WatchedKind[]) {
      const reflector = new Reflector<ClusterEvent['object']>({
        api,
        random,
        kind,
        path: paths[kind],
        onEvent: (type, object) => onEvent({ kind, type, object } as ClusterEvent),
        onListed: () => this.#listed(kind),
        onBroken: (error) => onBroken(kind, error),
        signal: this.#stopping.signal,
      });
      void reflector.run();
    }
  }

  stop(): void {
    this.#stopping.abort();
  }

  #listed(kind: WatchedKind): void {
    if (this.#unsynced.delete(kind) && this.#unsynced.size === 0) this.#options.onSynced();
  }
}
