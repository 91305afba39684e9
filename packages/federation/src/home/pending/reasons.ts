/** Why pods wait, as values. `explanation.ts` writes the text. */
import type { ClusterName, MonotonicMs, Verdict, VerdictCount } from '@spillway/core';
import type { AdvertVersion } from '../../advert/advert.ts';

/** Why a neighbour refused. It is remembered for `refusalTtlMs`, or until the next advert. */
export interface Refusal {
  readonly reason: string;
  readonly until: MonotonicMs;
  /** The version of the advert by which it was asked. A newer advert is a new chance. */
  readonly version: AdvertVersion;
}

export interface Why {
  readonly home: readonly (Verdict | VerdictCount)[];
  readonly neighbours: ReadonlyMap<ClusterName, string>;
  /** Why it must not leave its home, if so. */
  readonly stays?: readonly Verdict[];
  /** A mistake of its owner, such as a policy that can't be read. */
  readonly problem?: string;
}

export interface Explanation {
  readonly message: string;
  readonly home: readonly Verdict[];
  readonly neighbours: ReadonlyMap<ClusterName, string>;
}
