/** Draws that several kinds of demand make. */
import type { Random } from '@spillway/core';

/** Uniform over the whole numbers from `min` to `max`. */
export function between(random: Random, [min, max]: readonly [number, number]): number {
  return min + random.below(max - min + 1);
}

/** Weights of `count` ranks, the first the heaviest; they sum up to 1 (Zipf). */
export function zipf(count: number, exponent: number): readonly number[] {
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** exponent);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** `count` different indices, each drawn with its weight among those that are left. */
export function draw(random: Random, weights: readonly number[], count: number): readonly number[] {
  const left = weights.map((weight, index) => ({ weight, index }));
  const drawn: number[] = [];
  while (drawn.length < count && left.length > 0) {
    let at = random.unit() * left.reduce((sum, { weight }) => sum + weight, 0);
    let chosen = left.findIndex(({ weight }) => (at -= weight) < 0);
    if (chosen < 0) chosen = left.length - 1;
    drawn.push(left[chosen]?.index ?? 0);
    left.splice(chosen, 1);
  }
  return drawn;
}

/** The indices 0 to `count` − 1 in random order (Fisher, Yates). */
export function shuffled(random: Random, count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}

/** Standard normal (Box, Muller 1958). */
export function normal(random: Random): number {
  const u = 1 - random.unit();
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.unit());
}
