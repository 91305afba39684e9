/** Hands each watch event to those it concerns: the ledger first, then the home or the host machine. */
import {
  type ClusterEvent,
  type ClusterName,
  type Node,
  type Pod,
  wellKnown,
} from '@spillway/core';
import {
  type HomeEvent,
  type HostEvent,
  isTerminal,
  neighbourOfNode,
  shadowIdOf,
} from '@spillway/federation';
import type { Ledger } from '@spillway/scheduling';

export interface WatchRoutingOptions {
  readonly ledger: Ledger;
  readonly guestNamespace: (home: ClusterName, namespace: string) => string;
  readonly home: (event: HomeEvent) => void;
  readonly host: (event: HostEvent) => void;
  /** Undefined when it has been deleted. */
  readonly virtualNode: (cluster: ClusterName, node: Node | undefined) => void;
}

export class WatchRouting {
  readonly #options: WatchRoutingOptions;
  readonly #clusterOfNode = new Map<string, ClusterName>();

  constructor(options: WatchRoutingOptions) {
    this.#options = options;
  }

  /** The neighbour that a virtual node stands for; undefined for every other node. */
  clusterOf(node: string): ClusterName | undefined {
    return this.#clusterOfNode.get(node);
  }

  /** Neighbours that have or had a virtual node. */
  virtualNodes(): Iterable<ClusterName> {
    return this.#clusterOfNode.values();
  }

  /** @returns whether what this cluster has free may have changed. */
  take(event: ClusterEvent): boolean {
    const { ledger, home } = this.#options;
    ledger.apply(event);
    switch (event.kind) {
      case 'Pod':
        this.#pod(event.object, event.type === 'deleted');
        return true;
      case 'Node':
        return this.#node(event);
      case 'Namespace': {
        const { name = '', labels, annotations = {} } = event.object.metadata;
        const offload = event.type === 'set' && labels?.[wellKnown.offloadLabel] === 'enabled';
        home({ kind: 'namespace', name, offload, annotations });
        return false;
      }
      case 'PersistentVolumeClaim':
      case 'PersistentVolume':
      case 'StorageClass':
      case 'CSIDriver':
      case 'CSINode':
      case 'CSIStorageCapacity':
      case 'PodDisruptionBudget':
        home({ kind: 'capacityChanged', where: 'home' });
        return false;
    }
  }

  #node({ type, object }: Extract<ClusterEvent, { kind: 'Node' }>): boolean {
    const { home, virtualNode } = this.#options;
    const { name = '' } = object.metadata;
    const cluster = neighbourOfNode(object);
    if (cluster === undefined) {
      this.#clusterOfNode.delete(name);
      home({ kind: 'capacityChanged', where: 'home' });
      return true;
    }
    // One that is deleted still stands for its neighbour: its pods are away until they are gone.
    if (type === 'set' && this.#clusterOfNode.get(name) !== cluster) {
      this.#clusterOfNode.set(name, cluster);
      home({ kind: 'virtualNode', node: name });
    }
    virtualNode(cluster, type === 'set' ? object : undefined);
    return false;
  }

  #pod(pod: Pod, deleted: boolean): void {
    const { home, host, guestNamespace } = this.#options;
    if (pod.metadata.labels?.[wellKnown.homeLabel] !== undefined) {
      host({ kind: deleted ? 'shadowDeleted' : 'shadow', pod });
    }
    // Too little may be known of a deleted pod to see whether it is a shadow. Telling both does no harm.
    if (deleted || shadowIdOf(pod, guestNamespace) === undefined) {
      host({ kind: 'ownPod', pod, deleted });
      home({ kind: deleted ? 'podDeleted' : 'pod', pod });
    }
    if (deleted || isTerminal(pod.status)) home({ kind: 'capacityChanged', where: 'home' });
  }
}
