/** One pod that has no node yet. */
import type { MonotonicMs, Pod } from '@spillway/core';
import type { PodRef } from '../events.ts';
import type { PodLife } from '../pod-life.ts';

export interface PendingPod {
  readonly ref: PodRef;
  readonly life: PodLife;
  pod: Pod;
  readonly since: MonotonicMs;
  /** When the last event said why it waits. */
  told?: MonotonicMs;
}
