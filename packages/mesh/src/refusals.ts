/** Whom and what was refused: counted by reason, logged once per peer and reason, in bounded memory. */
export interface Refusal {
  readonly where: 'connection' | 'advert' | 'call' | 'revocation';
  /** Of a small fixed set: never a stranger's words. */
  readonly reason: string;
  readonly peer: string;
  /** More, for the log. */
  readonly detail?: string;
}

/** Peers that were logged already; beyond, the oldest are forgotten and may be logged again. */
const loggedMax = 1024;

export class Refusals {
  readonly #counts = new Map<string, number>();
  readonly #logged = new Set<string>();
  readonly #onFirst: (refusal: Refusal) => void;
  readonly #onEach: (refusal: Refusal) => void;

  constructor(options: {
    readonly onFirst: (refusal: Refusal) => void;
    readonly onEach: (refusal: Refusal) => void;
  }) {
    this.#onFirst = options.onFirst;
    this.#onEach = options.onEach;
  }

  add(refusal: Refusal): void {
    const kind = `${refusal.where}: ${refusal.reason}`;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#onEach(refusal);
    const key = `${refusal.peer} ${kind}`;
    if (this.#logged.has(key)) return;
    this.#logged.add(key);
    if (this.#logged.size > loggedMax) {
      const [oldest] = this.#logged;
      if (oldest !== undefined) this.#logged.delete(oldest);
    }
    this.#onFirst(refusal);
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
