/**
 * An immutable picture of one cluster. Applying a change returns the next picture, which shares all
 * that did not change: O(log32 nodes) plus the pods of the one node touched (at most its pod limit,
 * 110 by default). Whoever holds an old picture keeps it whole, so a decision never sees half a change.
 *
 * The maps are immutable.js' hash array mapped tries (Bagwell 2001); a copy per event was measured
 * against it in bench/.
 */
import type {
  Namespace,
  Node,
  NodeName,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodUid,
} from '@spillway/core';
import { Map as PersistentMap } from 'immutable';
import {
  describedBy,
  type NodeState,
  type PlacedPod,
  placedPod,
  unknownNode,
  withoutPlaced,
  withPlaced,
} from './node-state.ts';

interface Parts {
  readonly nodes: PersistentMap<NodeName, NodeState>;
  readonly pods: PersistentMap<PodUid, PlacedPod>;
  /** Those of `pods` with required anti-affinity: the few that keep others away. */
  readonly repelling: PersistentMap<PodUid, PlacedPod>;
  readonly namespaces: PersistentMap<string, Readonly<Record<string, string>>>;
  readonly claims: PersistentMap<string, PersistentVolumeClaim>;
  readonly volumes: PersistentMap<string, PersistentVolume>;
}

export class Snapshot {
  static readonly empty = new Snapshot({
    nodes: PersistentMap(),
    pods: PersistentMap(),
    repelling: PersistentMap(),
    namespaces: PersistentMap(),
    claims: PersistentMap(),
    volumes: PersistentMap(),
  });

  readonly #parts: Parts;
  #candidates: readonly NodeState[] | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  get nodeCount(): number {
    return this.#parts.nodes.size;
  }

  get podCount(): number {
    return this.#parts.pods.size;
  }

  /** Real and virtual nodes, and such as only pods are known of (`exists` false). No order is promised. */
  nodes(): Iterable<NodeState> {
    return this.#parts.nodes.values();
  }

  /** Nodes that pods can be placed on. Walked once per snapshot: walking a trie is dear, a list is not. */
  candidates(): readonly NodeState[] {
    this.#candidates ??= [...this.nodes()].filter(({ exists, virtual }) => exists && !virtual);
    return this.#candidates;
  }

  node(name: NodeName): NodeState | undefined {
    return this.#parts.nodes.get(name);
  }

  pod(uid: PodUid): PlacedPod | undefined {
    return this.#parts.pods.get(uid);
  }

  /** Pods whose required anti-affinity may keep others away. */
  repellingPods(): Iterable<PlacedPod> {
    return this.#parts.repelling.values();
  }

  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined {
    return this.#parts.namespaces.get(name);
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#parts.claims.get(`${namespace}/${name}`);
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#parts.volumes.get(name);
  }

  withNode(node: Node): Snapshot {
    const name = node.metadata.name as NodeName;
    const state = describedBy(this.node(name) ?? unknownNode(name), node);
    return this.#with({ nodes: this.#parts.nodes.set(name, state) });
  }

  /** Pods on it stay known until they are seen deleted. */
  withoutNode(name: NodeName): Snapshot {
    const state = this.node(name);
    if (state === undefined) return this;
    const { nodes } = this.#parts;
    if (state.podCount === 0) return this.#with({ nodes: nodes.delete(name) });
    const { pods, podCount, requested, scoringRequested } = state;
    const left = { ...unknownNode(name), pods, podCount, requested, scoringRequested };
    return this.#with({ nodes: nodes.set(name, left) });
  }

  /** A pod on `pod.spec.nodeName`, which must be set; replaces what was known of it. */
  withPod(pod: Pod): Snapshot {
    return this.withPlaced(placedPod(pod, pod.spec.nodeName as NodeName));
  }

  withPlaced(pod: PlacedPod): Snapshot {
    const before = this.pod(pod.uid);
    const base = before !== undefined && before.node !== pod.node ? this.withoutPod(pod.uid) : this;
    const state = base.node(pod.node) ?? unknownNode(pod.node);
    const { nodes, pods, repelling } = base.#parts;
    return base.#with({
      nodes: nodes.set(pod.node, withPlaced(state, pod)),
      pods: pods.set(pod.uid, pod),
      repelling:
        pod.antiAffinity.length > 0 ? repelling.set(pod.uid, pod) : repelling.delete(pod.uid),
    });
  }

  withoutPod(uid: PodUid): Snapshot {
    const pod = this.pod(uid);
    if (pod === undefined) return this;
    const { nodes, pods, repelling } = this.#parts;
    const state = nodes.get(pod.node);
    const left = state && withoutPlaced(state, pod);
    return this.#with({
      nodes:
        left === undefined || (!left.exists && left.podCount === 0)
          ? nodes.delete(pod.node)
          : nodes.set(pod.node, left),
      pods: pods.delete(uid),
      repelling: repelling.delete(uid),
    });
  }

  withNamespace({ metadata }: Namespace): Snapshot {
    const { namespaces } = this.#parts;
    return this.#with({ namespaces: namespaces.set(metadata.name ?? '', metadata.labels ?? {}) });
  }

  withoutNamespace(name: string): Snapshot {
    return this.#with({ namespaces: this.#parts.namespaces.delete(name) });
  }

  withClaim(claim: PersistentVolumeClaim): Snapshot {
    const { namespace, name } = claim.metadata;
    return this.#with({ claims: this.#parts.claims.set(`${namespace}/${name}`, claim) });
  }

  withoutClaim(namespace: string, name: string): Snapshot {
    return this.#with({ claims: this.#parts.claims.delete(`${namespace}/${name}`) });
  }

  withVolume(volume: PersistentVolume): Snapshot {
    return this.#with({ volumes: this.#parts.volumes.set(volume.metadata.name ?? '', volume) });
  }

  withoutVolume(name: string): Snapshot {
    return this.#with({ volumes: this.#parts.volumes.delete(name) });
  }

  #with(changed: Partial<Parts>): Snapshot {
    return new Snapshot({ ...this.#parts, ...changed });
  }
}
