/**
 * How long a message takes to each node of a random mesh: the quickest way through it (Dijkstra 1959).
 * For thousands of nodes the way through the best of a few landmarks, which is an upper bound.
 */
import type { Random } from '@spillway/core';
import TinyQueue from 'tinyqueue';

export interface MeshDelaysOptions {
  readonly size: number;
  readonly degree: number;
  readonly rttMs: (a: number, b: number) => number;
  readonly random: Random;
}

/** To check a signature and a certificate, and pass it on, ms. */
const hopMs = 2;
const exactMax = 1_500;
const landmarksMax = 48;

export class MeshDelays {
  readonly #size: number;
  readonly #neighbours: readonly { readonly to: number; readonly ms: number }[][];
  readonly #from = new Map<number, Float32Array>();
  /** From each node to each landmark, node by node, so that one delay touches little memory. */
  readonly #landmarks: Float32Array | undefined;
  readonly #quantiles = new Map<number, number>();
  /** No message takes longer, ms: a way there by way of one node. */
  readonly longestMs: number;

  constructor({ size, degree, rttMs, random }: MeshDelaysOptions) {
    this.#size = size;
    const edges = meshEdges(size, degree, random);
    this.#neighbours = edges.map((others, from) =>
      [...others].map((to) => ({ to, ms: rttMs(from, to) / 2 + hopMs })),
    );
    this.#landmarks = size <= exactMax ? undefined : this.#toLandmarks(random);
    const through = this.#landmarks?.filter((_, i) => i % landmarksMax === 0) ?? this.#quickest(0);
    this.longestMs = 2 * through.reduce((a, b) => Math.max(a, b), 0);
  }

  ms(from: number, to: number): number {
    if (from === to) return 0;
    const landmarks = this.#landmarks;
    if (landmarks !== undefined) {
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < landmarksMax; i++) {
        const ms =
          (landmarks[from * landmarksMax + i] ?? 0) + (landmarks[to * landmarksMax + i] ?? 0);
        if (ms < least) least = ms;
      }
      return least;
    }
    let delays = this.#from.get(from);
    if (delays === undefined) {
      delays = this.#quickest(from);
      this.#from.set(from, delays);
    }
    return delays[to] ?? 0;
  }

  /** The delay within which a part `q` of the others is reached. */
  quantile(from: number, q: number): number {
    let ms = this.#quantiles.get(from);
    if (ms === undefined) {
      const all = Float32Array.from({ length: this.#size }, (_, to) => this.ms(from, to)).sort();
      ms = all[Math.min(this.#size - 1, Math.ceil(q * this.#size))] ?? 0;
      this.#quantiles.set(from, ms);
    }
    return ms;
  }

  #toLandmarks(random: Random): Float32Array {
    const all = new Float32Array(this.#size * landmarksMax);
    for (let i = 0; i < landmarksMax; i++) {
      const ms = this.#quickest(random.below(this.#size));
      for (let node = 0; node < this.#size; node++) all[node * landmarksMax + i] = ms[node] ?? 0;
    }
    return all;
  }

  #quickest(from: number): Float32Array {
    const ms = new Float32Array(this.#size).fill(Number.POSITIVE_INFINITY);
    ms[from] = 0;
    const queue = new TinyQueue([{ node: from, ms: 0 }], (a, b) => a.ms - b.ms);
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (next.ms > (ms[next.node] ?? 0)) continue;
      for (const { to, ms: step } of this.#neighbours[next.node] ?? []) {
        const reached = Math.fround(next.ms + step);
        if (reached >= (ms[to] ?? 0)) continue;
        ms[to] = reached;
        queue.push({ node: to, ms: reached });
      }
    }
    return ms;
  }
}

/** A ring, so that it hangs together, and random edges up to `degree` each. */
function meshEdges(size: number, degree: number, random: Random): readonly Set<number>[] {
  const edges = Array.from({ length: size }, () => new Set<number>());
  const connect = (a: number, b: number): void => {
    if (a === b) return;
    edges[a]?.add(b);
    edges[b]?.add(a);
  };
  for (let i = 0; i < size; i++) connect(i, (i + 1) % size);
  for (let i = 0; i < size; i++) {
    for (let tries = 0; tries < 10 && (edges[i]?.size ?? 0) < Math.min(degree, size - 1); tries++) {
      const other = random.below(size);
      if ((edges[other]?.size ?? 0) < degree) connect(i, other);
    }
  }
  return edges;
}
