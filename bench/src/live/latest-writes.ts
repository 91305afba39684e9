/**
 * Brings each of many things to the state that was last requested of it. There is one write at a time for
 * each, so that none overtakes another, and a bounded number in all. States that were requested in between
 * are skipped.
 */
export class LatestWrites<Key, State> {
  readonly #write: (key: Key, state: State) => Promise<void>;
  readonly #atOnceMax: number;
  /** Wanted, in order, and not being written. */
  readonly #wanted = new Map<Key, State>();
  readonly #busy = new Set<Key>();
  readonly #idle: (() => void)[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(options: {
    readonly write: (key: Key, state: State) => Promise<void>;
    readonly atOnceMax: number;
  }) {
    this.#write = options.write;
    this.#atOnceMax = options.atOnceMax;
  }

  /** After a write has failed nothing is written any more. */
  want(key: Key, state: State): void {
    this.#wanted.set(key, state);
    this.#go();
  }

  /** Resolves when all is as wanted. @throws What the first failing write threw. */
  async settled(): Promise<void> {
    if (!this.#still()) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.throwIfFailed();
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #still(): boolean {
    return this.#busy.size === 0 && (this.#wanted.size === 0 || this.#failure !== undefined);
  }

  #go(): void {
    for (const [key, state] of this.#wanted) {
      if (this.#failure !== undefined || this.#busy.size >= this.#atOnceMax) break;
      if (this.#busy.has(key)) continue;
      this.#wanted.delete(key);
      this.#busy.add(key);
      void this.#one(key, state);
    }
    if (this.#still()) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #one(key: Key, state: State): Promise<void> {
    try {
      await this.#write(key, state);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#busy.delete(key);
    this.#go();
  }
}
