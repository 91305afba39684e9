/** What can be wrong with an API server that is there: how it treats requests until that ends. */

export interface ApiConditions {
  /** Maximum extra time until a request takes effect, and again until its answer is there (ms). */
  readonly slowMs: number;
  /** Probabilities, 0 to 1. 409, as of a quota that others write too: nothing was done. */
  readonly conflict: number;
  /** 429 with `Retry-After: 1`: nothing was done, and the client asks again by itself. */
  readonly tooManyRequests: number;
  /** 500, as of an etcd that does not answer in time: it may have been done, or be done later. */
  readonly error: number;
}

export const wellApi: ApiConditions = Object.freeze({
  slowMs: 0,
  conflict: 0,
  tooManyRequests: 0,
  error: 0,
});

/**
 * How watches end. `breaks`: they resume where they were. `expires`: the server has forgotten where that was
 * (410 Gone). Only a new list helps then, which skips what came and went meanwhile.
 */
export type WatchEnd = 'breaks' | 'expires';
