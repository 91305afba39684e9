/**
 * A row of docs/transparency.md, which is also a test: the same steps are taken where pods run on a local node and
 * where they run on a virtual node, and the same is looked at in both places.
 */
import type { Place } from './place.ts';

/** What was looked at, as JSON. */
export type Observed = Readonly<Record<string, unknown>>;

export interface Row {
  /** Of the page and of the test. */
  readonly feature: string;
  /** What happens on a local node, in plain words. */
  readonly local: string;
  readonly observe: (place: Place) => Promise<Observed>;
  /** On a local node. */
  readonly expected: Observed;
  /** Absent: the same on a virtual node. */
  readonly differs?: { readonly words: string; readonly expected: Observed };
}

export interface Family {
  readonly name: string;
  readonly rows: readonly Row[];
  /** They disturb others: each runs alone. */
  readonly alone?: boolean;
}
