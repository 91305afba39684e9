/** What the pods away need of their home. */
import type { ClusterName, Random } from '@spillway/core';
import type { HomeConfig } from '../config.ts';
import type { HomeEffect } from '../events.ts';
import type { Seals } from '../ports.ts';
import type { TriedTemplates } from '../pending/tried-templates.ts';

export interface OffloadOptions {
  readonly config: HomeConfig;
  readonly random: Random;
  readonly homeEpoch: number;
  readonly tried: TriedTemplates;
  readonly seals: Seals;
  readonly emit: (effect: HomeEffect) => void;
  /** Whether the pod networks of a neighbour and of this cluster are joined; undefined: not known now. */
  readonly joined: (host: ClusterName) => boolean | undefined;
}
