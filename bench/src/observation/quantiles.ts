/** How some durations lie. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest-rank, in whole ms; null of nothing. */
export function quantilesOf(durationsMs: readonly number[]): Quantiles | null {
  if (durationsMs.length === 0) return null;
  const sorted = durationsMs.map(Math.round).sort((a, b) => a - b);
  const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
