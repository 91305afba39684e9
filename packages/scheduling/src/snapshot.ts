/**
 * An immutable snapshot of one cluster. Applying a change returns the next snapshot, which shares all that
 * did not change. This costs O(log32 nodes), plus the pods of the one node that changed (by default at most
 * 110). A reader of an old snapshot keeps it whole, so a decision never sees half a change.
 *
 * The maps are immutable.js' hash array mapped tries (Bagwell 2001). bench/ measures them against a copy for
 * each event.
 */
import type {
  LookedUpKind,
  LookedUpObjects,
  Namespace,
  Node,
  NodeName,
  ObjectMeta,
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
  readonly lookedUp: LookedUp;
}

type LookedUp = {
  readonly [Kind in LookedUpKind]?: PersistentMap<string, LookedUpObjects[Kind]>;
};

export class Snapshot {
  static readonly empty = new Snapshot({
    nodes: PersistentMap(),
    pods: PersistentMap(),
    repelling: PersistentMap(),
    namespaces: PersistentMap(),
    lookedUp: {},
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
    return this.lookUp('PersistentVolumeClaim', `${namespace}/${name}`);
  }

  volume(name: string): PersistentVolume | undefined {
    return this.lookUp('PersistentVolume', name);
  }

  /** `key`: see `objectKey`. */
  lookUp<Kind extends LookedUpKind>(kind: Kind, key: string): LookedUpObjects[Kind] | undefined {
    return this.#parts.lookedUp[kind]?.get(key);
  }

  /** All of a kind. No order is promised. */
  all<Kind extends LookedUpKind>(kind: Kind): Iterable<LookedUpObjects[Kind]> {
    return this.#parts.lookedUp[kind]?.values() ?? [];
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

  withLookedUp<Kind extends LookedUpKind>(kind: Kind, object: LookedUpObjects[Kind]): Snapshot {
    const known = this.#ofKind(kind).set(objectKey(object), object);
    return this.#with({ lookedUp: { ...this.#parts.lookedUp, [kind]: known } });
  }

  withoutLookedUp(kind: LookedUpKind, key: string): Snapshot {
    const known = this.#ofKind(kind).delete(key);
    return this.#with({ lookedUp: { ...this.#parts.lookedUp, [kind]: known } });
  }

  #ofKind<Kind extends LookedUpKind>(kind: Kind): PersistentMap<string, LookedUpObjects[Kind]> {
    return this.#parts.lookedUp[kind] ?? PersistentMap<string, LookedUpObjects[Kind]>();
  }

  #with(changed: Partial<Parts>): Snapshot {
    return new Snapshot({ ...this.#parts, ...changed });
  }
}

/** `namespace/name`, or the name alone of an object without a namespace. */
export function objectKey({ metadata }: { readonly metadata: ObjectMeta }): string {
  const { namespace, name = '' } = metadata;
  return namespace ? `${namespace}/${name}` : name;
}
