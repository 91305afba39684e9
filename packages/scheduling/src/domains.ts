/**
 * Topology domains: the nodes that share one value of a label. How many pods are in each, for one
 * label; or which of them, for several.
 */
import type { NodeState } from './node-state.ts';

export class DomainCounts {
  readonly topologyKey: string;
  readonly #counts = new Map<string, number>();

  constructor(topologyKey: string) {
    this.topologyKey = topologyKey;
  }

  /** Adds `amount` in the node's domain, which exists from now on even if that is 0. */
  add(node: NodeState, amount: number): void {
    const value = node.labels[this.topologyKey];
    if (value !== undefined) this.#counts.set(value, (this.#counts.get(value) ?? 0) + amount);
  }

  /** 0 in domains that were never added to; undefined when the node has not got the label. */
  at(node: NodeState): number | undefined {
    const value = node.labels[this.topologyKey];
    return value === undefined ? undefined : (this.#counts.get(value) ?? 0);
  }

  get size(): number {
    return this.#counts.size;
  }

  /** Fewest in any domain; 0 when there is none. */
  least(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const count of this.#counts.values()) if (count < least) least = count;
    return Number.isFinite(least) ? least : 0;
  }

  /** Most in any domain; 0 when there is none. */
  most(): number {
    let most = 0;
    for (const count of this.#counts.values()) if (count > most) most = count;
    return most;
  }
}

export class DomainSet {
  readonly #values = new Map<string, Set<string>>();

  /** Topology keys of which any domain is in. */
  get size(): number {
    return this.#values.size;
  }

  add(topologyKey: string, value: string): void {
    const values = this.#values.get(topologyKey);
    if (values === undefined) this.#values.set(topologyKey, new Set([value]));
    else values.add(value);
  }

  has(topologyKey: string, value: string): boolean {
    return this.#values.get(topologyKey)?.has(value) ?? false;
  }

  /** Whether the node is in any of the domains. */
  include({ labels }: NodeState): boolean {
    for (const [topologyKey, values] of this.#values) {
      const value = labels[topologyKey];
      if (value !== undefined && values.has(value)) return true;
    }
    return false;
  }
}
