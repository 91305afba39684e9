/**
 * How many handshakes begin in a second. The cryptography of one takes some milliseconds of the one thread that
 * also answers members, so strangers who begin many must not keep that busy. Callers wait for their turn. Turns
 * go round the addresses; at an address the newest caller is next, since who came long before is about to give up.
 */
export interface TurnBounds {
  /** Maximum number of turns in a second, in the long run, and at once after a quiet second. */
  readonly perSecondMax: number;
}

export const turnBounds: TurnBounds = { perSecondMax: 50 };

export class HandshakeTurns<Caller extends object> {
  readonly #perMs: number;
  readonly #storedMax: number;
  /** By address, whose turn is next first; of each address, the newest last. */
  readonly #waiting = new Map<string, Set<Caller>>();
  readonly #addresses = new Map<Caller, string>();
  #stored: number;
  #storedAtMs: number;

  constructor(nowMs: number, { perSecondMax }: TurnBounds = turnBounds) {
    this.#perMs = perSecondMax / 1_000;
    this.#storedMax = perSecondMax;
    this.#stored = perSecondMax;
    this.#storedAtMs = nowMs;
  }

  /** How many wait. */
  get size(): number {
    return this.#addresses.size;
  }

  wait(caller: Caller, address: string): void {
    this.#addresses.set(caller, address);
    const theirs = this.#waiting.get(address) ?? new Set<Caller>();
    theirs.add(caller);
    this.#waiting.set(address, theirs);
  }

  /** A caller waits no more; may be said again. */
  leave(caller: Caller): void {
    const address = this.#addresses.get(caller);
    if (address === undefined) return;
    this.#addresses.delete(caller);
    const theirs = this.#waiting.get(address);
    theirs?.delete(caller);
    if (theirs?.size === 0) this.#waiting.delete(address);
  }

  /** Whose turn it is now; undefined while nobody waits, and when there is none left. */
  next(nowMs: number): Caller | undefined {
    this.#stored = Math.min(
      this.#storedMax,
      this.#stored + (nowMs - this.#storedAtMs) * this.#perMs,
    );
    this.#storedAtMs = nowMs;
    const [[address, theirs] = []] = this.#waiting;
    const caller = theirs === undefined ? undefined : [...theirs].at(-1);
    if (this.#stored < 1 || address === undefined || caller === undefined) return undefined;
    this.#stored -= 1;
    this.leave(caller);
    const others = this.#waiting.get(address);
    if (others !== undefined) {
      this.#waiting.delete(address);
      this.#waiting.set(address, others);
    }
    return caller;
  }

  /** Until there is a turn again, ms, after `next` has said that there is none. */
  get untilNextMs(): number {
    return Math.max(0, Math.ceil((1 - this.#stored) / this.#perMs));
  }
}
