/**
 * Time comes in as arguments. Monotonic time orders what one agent does; wall time is only ever
 * shown or written into Kubernetes objects. Neither is sent to another cluster as an instant.
 */
import type { Brand } from './brand.ts';

/** Milliseconds on one process's monotonic clock, from an arbitrary origin. Never sent, never stored. */
export type MonotonicMs = Brand<number, 'MonotonicMs'>;
/** Milliseconds since the Unix epoch on the local clock. */
export type WallMs = Brand<number, 'WallMs'>;

export interface Clock {
  /** Never goes back. */
  monotonicMs(): MonotonicMs;
  /** May jump either way. */
  wallMs(): WallMs;
}

/** `instant` later by `durationMs`. */
export function after(instant: MonotonicMs, durationMs: number): MonotonicMs {
  return (instant + durationMs) as MonotonicMs;
}

/** The first of two times, where either may never come. */
export function earliest(
  a: MonotonicMs | undefined,
  b: MonotonicMs | undefined,
): MonotonicMs | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
