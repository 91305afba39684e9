/** What the offloaded pods need of their home, and share among their parts. */
import type { ClusterName, Random } from '@spillway/core';
import type { HomeConfig } from '../config.ts';
import type { HomeEffect } from '../events.ts';
import type { TriedTemplates } from '../pending/tried-templates.ts';
import type { TransitionObserver } from '../pod-life.ts';
import type { Seals } from '../ports.ts';
import type { OffloadedPod } from './offloaded-pod.ts';

export interface OffloadOptions {
  readonly config: HomeConfig;
  readonly random: Random;
  readonly homeEpoch: number;
  readonly tried: TriedTemplates;
  readonly seals: Seals;
  readonly emit: (effect: HomeEffect) => void;
  /** Whether the pod networks of a neighbour and of this cluster are joined; undefined: not known now. */
  readonly joined: (host: ClusterName) => boolean | undefined;
  readonly observe: TransitionObserver | undefined;
}

type Tell = Extract<HomeEffect, { kind: 'tell' }>;

/** Writes an event on the pod, while there is one. */
export function tell(
  entry: OffloadedPod,
  said: Pick<Tell, 'reason' | 'message' | 'warning'>,
  emit: OffloadOptions['emit'],
): void {
  if (entry.homePod !== 'gone') emit({ kind: 'tell', ref: entry.ref, ...said });
}
