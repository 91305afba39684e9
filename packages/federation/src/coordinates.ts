/** A point of the Vivaldi space; all in milliseconds of round-trip time. */
export interface Coordinate {
  readonly vector: readonly number[];
  readonly heightMs: number;
  readonly adjustmentMs: number;
  /** Estimated relative error, 0 (sure) to 1.5. */
  readonly error: number;
}
