/**
 * Network coordinates: Vivaldi (Dabek et al., SIGCOMM 2004) with height, with the adjustment terms and
 * latency filter of Ledlie et al. (NSDI 2007) and the gravity of Serf's coordinate package, whose
 * constants and test topologies we follow. All times in ms of round trip, where Serf has seconds.
 *
 * Predicts the RTT between two clusters that never measured it, from measurements of others.
 */
import type { Random } from '@spillway/core';

/** A point of the space. */
export interface Coordinate {
  /** `dimensions` numbers, ms. */
  readonly vector: readonly number[];
  /** The access link, which no path avoids: ms, at least `heightMsMin`. */
  readonly heightMs: number;
  readonly adjustmentMs: number;
  /** Estimated relative error, 0 (sure) to 1.5. */
  readonly error: number;
}

export const coordinateConfig = Object.freeze({
  dimensions: 8,
  errorMax: 1.5,
  /** How much one measurement moves the error estimate, and the coordinate. */
  ce: 0.25,
  cc: 0.25,
  adjustmentWindow: 20,
  heightMsMin: 0.01,
  latencyFilterSize: 3,
  /** Pull to the origin, so that the whole space does not drift: (distance / gravity)². */
  gravityMs: 150_000,
  /** A measurement beyond is no RTT but a stall. */
  rttMsMax: 10_000,
  /** Most neighbours whose last measurements are kept. */
  filtersMax: 4_096,
});

const zeroThresholdMs = 1e-3;
const errorSumMin = 1e-6;

export const originCoordinate: Coordinate = Object.freeze({
  vector: Object.freeze(zeros(coordinateConfig.dimensions)),
  heightMs: coordinateConfig.heightMsMin,
  adjustmentMs: 0,
  error: coordinateConfig.errorMax,
});

/** Predicted RTT between two coordinates, ms. */
export function predictedRttMs(a: Coordinate, b: Coordinate): number {
  const raw = rawDistance(a, b);
  const adjusted = raw + a.adjustmentMs + b.adjustmentMs;
  return adjusted > 0 ? adjusted : raw;
}

/** Finite, of the right dimension and within bounds: what may be believed of a stranger. */
export function isValidCoordinate(
  coordinate: Coordinate,
  dimensions: number = coordinateConfig.dimensions,
): boolean {
  const { vector, heightMs, adjustmentMs, error } = coordinate;
  const bounded = (value: number): boolean => Math.abs(value) <= 1e6;
  return (
    vector.length === dimensions &&
    vector.every(bounded) &&
    bounded(heightMs) &&
    heightMs >= 0 &&
    bounded(adjustmentMs) &&
    error >= 0 &&
    error <= coordinateConfig.errorMax
  );
}

/** One cluster's own coordinate, moved by every RTT that it measures. */
export class CoordinateClient {
  #coordinate: Coordinate;
  readonly #origin: Coordinate;
  readonly #random: Random;
  readonly #adjustments = zeros(coordinateConfig.adjustmentWindow);
  #adjustmentIndex = 0;
  /** The last few RTTs per neighbour: their median is what counts. */
  readonly #filters = new Map<string, number[]>();
  #resets = 0;

  /** `start` also sets how many dimensions there are; all of a federation must have as many. */
  constructor(random: Random, start: Coordinate = originCoordinate) {
    this.#random = random;
    this.#coordinate = start;
    this.#origin = { ...originCoordinate, vector: zeros(start.vector.length) };
  }

  get coordinate(): Coordinate {
    return this.#coordinate;
  }

  /** How often a broken coordinate was thrown away. */
  get resets(): number {
    return this.#resets;
  }

  distanceMs(other: Coordinate): number {
    return predictedRttMs(this.#coordinate, other);
  }

  /** Takes a measured RTT to `node`, which says it is at `other`. Returns false, and changes nothing, for nonsense. */
  update(node: string, other: Coordinate, rttMs: number): boolean {
    const dimensions = this.#origin.vector.length;
    if (!isValidCoordinate(other, dimensions)) return false;
    if (!(rttMs >= 0) || rttMs > coordinateConfig.rttMsMax) return false;
    const filtered = this.#filtered(node, Math.max(rttMs, zeroThresholdMs));
    this.#vivaldi(other, filtered);
    this.#adjust(other, filtered);
    this.#gravitate();
    if (!isValidCoordinate(this.#coordinate, dimensions)) {
      this.#coordinate = this.#origin;
      this.#adjustments.fill(0);
      this.#resets += 1;
    }
    return true;
  }

  forget(node: string): void {
    this.#filters.delete(node);
  }

  #filtered(node: string, rttMs: number): number {
    const samples = this.#filters.get(node) ?? [];
    samples.push(rttMs);
    if (samples.length > coordinateConfig.latencyFilterSize) samples.shift();
    this.#filters.delete(node);
    this.#filters.set(node, samples);
    if (this.#filters.size > coordinateConfig.filtersMax) {
      const [oldest] = this.#filters.keys();
      if (oldest !== undefined) this.#filters.delete(oldest);
    }
    const sorted = [...samples].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? rttMs;
  }

  #vivaldi(other: Coordinate, rttMs: number): void {
    const mine = this.#coordinate;
    const { ce, cc, errorMax } = coordinateConfig;
    const distance = predictedRttMs(mine, other);
    const wrongness = Math.abs(distance - rttMs) / rttMs;
    const weight = mine.error / Math.max(mine.error + other.error, errorSumMin);
    const error = Math.min(ce * weight * wrongness + mine.error * (1 - ce * weight), errorMax);
    const force = cc * weight * (rttMs - distance);
    this.#coordinate = pushed({ ...mine, error }, other, force, this.#random);
  }

  #adjust(other: Coordinate, rttMs: number): void {
    const { adjustmentWindow } = coordinateConfig;
    this.#adjustments[this.#adjustmentIndex] = rttMs - rawDistance(this.#coordinate, other);
    this.#adjustmentIndex = (this.#adjustmentIndex + 1) % adjustmentWindow;
    const sum = this.#adjustments.reduce((total, sample) => total + sample, 0);
    this.#coordinate = { ...this.#coordinate, adjustmentMs: sum / (2 * adjustmentWindow) };
  }

  #gravitate(): void {
    const distance = predictedRttMs(this.#coordinate, this.#origin);
    const force = -1 * (distance / coordinateConfig.gravityMs) ** 2 * 1000;
    this.#coordinate = pushed(this.#coordinate, this.#origin, force, this.#random);
  }
}

/** Euclid plus both heights. */
function rawDistance(a: Coordinate, b: Coordinate): number {
  let sum = 0;
  for (let i = 0; i < a.vector.length; i++) sum += ((a.vector[i] ?? 0) - (b.vector[i] ?? 0)) ** 2;
  return Math.sqrt(sum) + a.heightMs + b.heightMs;
}

/** `coordinate` moved by `force` ms away from `other` (towards it when negative). */
function pushed(
  coordinate: Coordinate,
  other: Coordinate,
  force: number,
  random: Random,
): Coordinate {
  const away = coordinate.vector.map((value, i) => value - (other.vector[i] ?? 0));
  let magnitude = Math.hypot(...away);
  let unit = away.map((value) => value / magnitude);
  let heightMs = coordinate.heightMs;
  if (magnitude > zeroThresholdMs) {
    heightMs = (heightMs + other.heightMs) * (force / magnitude) + heightMs;
    heightMs = Math.max(heightMs, coordinateConfig.heightMsMin);
  } else {
    // Two at one spot are pushed apart in a random direction.
    const direction = coordinate.vector.map(() => random.unit() - 0.5);
    magnitude = Math.hypot(...direction);
    unit = direction.map((value) => value / magnitude);
  }
  return {
    ...coordinate,
    heightMs,
    vector: coordinate.vector.map((value, i) => value + (unit[i] ?? 0) * force),
  };
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}
