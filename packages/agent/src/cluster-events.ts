/** Hands each watch event to those it concerns: the ledger first, then the home or the host machine. */
import {
  type ClusterEvent,
  type ClusterName,
  type Namespace,
  type Node,
  type Pod,
  wellKnown,
} from '@spillway/core';
import { shadowIdOf } from '@spillway/federation';
import { guestNamespaceName } from '@spillway/kubernetes';
import type { Ledger } from '@spillway/scheduling';
import type { HomeRunner } from './home-runner.ts';
import type { HostRunner } from './host-runner.ts';
import type { SettingProblems } from './setting-problems.ts';

export interface ClusterEventsOptions {
  readonly ledger: Ledger;
  readonly home: HomeRunner;
  readonly host: HostRunner;
  /** Kept here: the virtual nodes by name. */
  readonly clusterOfNode: Map<string, ClusterName>;
  /** Undefined when it has been deleted. */
  readonly onVirtualNode: (cluster: ClusterName, node: Node | undefined) => void;
  readonly onNamespace: (namespace: Namespace, deleted: boolean) => void;
  readonly onChanged: () => void;
  readonly settings: SettingProblems;
}

export class ClusterEvents {
  readonly #options: ClusterEventsOptions;

  constructor(options: ClusterEventsOptions) {
    this.#options = options;
  }

  take(event: ClusterEvent): void {
    const { ledger, home, clusterOfNode, onVirtualNode, onChanged } = this.#options;
    ledger.apply(event);
    switch (event.kind) {
      case 'Pod':
        this.#pod(event.object, event.type === 'deleted');
        break;
      case 'Node': {
        const { name = '', labels } = event.object.metadata;
        const cluster = labels?.[wellKnown.clusterLabel];
        if (labels?.[wellKnown.virtualNodeLabel] === 'true' && cluster !== undefined) {
          const set = event.type === 'set';
          // One that is deleted still stands for its neighbour: its pods are away until they are gone.
          if (set && clusterOfNode.get(name) !== cluster) {
            clusterOfNode.set(name, cluster as ClusterName);
            home.feed({ kind: 'virtualNode', node: name });
          }
          onVirtualNode(cluster as ClusterName, set ? event.object : undefined);
          return;
        }
        clusterOfNode.delete(name);
        home.feed({ kind: 'roomChanged', where: 'home' });
        break;
      }
      case 'Namespace': {
        const { name = '', labels, annotations = {} } = event.object.metadata;
        this.#options.settings.see('Namespace', event.object.metadata, event.type === 'deleted');
        this.#options.onNamespace(event.object, event.type === 'deleted');
        const offload = event.type === 'set' && labels?.[wellKnown.offloadLabel] === 'enabled';
        home.feed({ kind: 'namespace', name, offload, annotations });
        return;
      }
      case 'PersistentVolumeClaim':
      case 'PersistentVolume':
      case 'StorageClass':
      case 'CSIDriver':
      case 'CSINode':
      case 'CSIStorageCapacity':
      case 'PodDisruptionBudget':
        home.feed({ kind: 'roomChanged', where: 'home' });
        return;
    }
    onChanged();
  }

  #pod(pod: Pod, deleted: boolean): void {
    const { home, host } = this.#options;
    if (pod.metadata.labels?.[wellKnown.homeLabel] !== undefined) {
      host.feed({ kind: deleted ? 'shadowDeleted' : 'shadow', pod });
    }
    // Of one that is deleted, less may be known than it takes to tell: nobody minds being told.
    if (deleted || shadowIdOf(pod, guestNamespaceName) === undefined) {
      host.feed({ kind: 'ownPod', pod, deleted });
      this.#options.settings.see('Pod', pod.metadata, deleted);
      home.feed({ kind: deleted ? 'podDeleted' : 'pod', pod });
    }
    const ended = deleted || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (ended) home.feed({ kind: 'roomChanged', where: 'home' });
  }
}
