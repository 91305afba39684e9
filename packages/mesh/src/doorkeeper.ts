/**
 * Who may be in a handshake with us. Before its handshake a caller is only an address, and many callers
 * share one: sites stand behind a NAT. So no address is refused. When all places are taken, a new caller
 * gets the place of another. It is the one that has made no progress for longest, at the address with the
 * most callers.
 *
 * So a flood from one address takes places from that address alone. A member behind the same address keeps
 * its place while it makes progress. It loses it only when more than `callersMax` others come between two of
 * its steps, which are one round trip apart. libp2p's own limits count connections by address. They refuse
 * any connection that comes next, members included.
 */
export interface DoorBounds {
  /** Maximum number of callers in a handshake, all addresses together. */
  readonly callersMax: number;
  /** Of these places, how many only callers get from whose address a member has come lately. */
  readonly placesKept: number;
  /** Maximum number of addresses remembered for that; the one whose member came first is forgotten first. */
  readonly memberAddressesMax: number;
}

export const doorBounds: DoorBounds = {
  callersMax: 512,
  placesKept: 64,
  memberAddressesMax: 1024,
};

export class Doorkeeper<Caller extends object> {
  readonly #bounds: DoorBounds;
  /** By address; of each address the one without progress for longest comes first, with its last step. */
  readonly #callers = new Map<string, Map<Caller, number>>();
  readonly #addresses = new Map<Caller, string>();
  readonly #memberAddresses = new Set<string>();
  #steps = 0;

  constructor(bounds: DoorBounds = doorBounds) {
    this.#bounds = bounds;
  }

  /** How many are in a handshake. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Gives a caller a place. Returns who lost theirs: nobody, or one. */
  enter(caller: Caller, address: string): Caller | undefined {
    const loser = this.#loserTo(address);
    if (loser !== undefined) this.leave(loser);
    const theirs = this.#callers.get(address) ?? new Map<Caller, number>();
    theirs.set(caller, this.#steps++);
    this.#callers.set(address, theirs);
    this.#addresses.set(caller, address);
    return loser;
  }

  /** A caller has done the next step of its handshake. */
  progressed(caller: Caller): void {
    const theirs = this.#callers.get(this.#addresses.get(caller) ?? '');
    if (theirs?.delete(caller)) theirs.set(caller, this.#steps++);
  }

  /** A caller has proven to be a member. */
  proven(caller: Caller): void {
    const address = this.#addresses.get(caller);
    if (address === undefined) return;
    this.leave(caller);
    this.#memberAddresses.delete(address);
    this.#memberAddresses.add(address);
    const [first = ''] = this.#memberAddresses;
    if (this.#memberAddresses.size > this.#bounds.memberAddressesMax)
      this.#memberAddresses.delete(first);
  }

  /** A caller has no handshake any more, however that ended; may be said again. */
  leave(caller: Caller): void {
    const address = this.#addresses.get(caller);
    if (address === undefined) return;
    this.#addresses.delete(caller);
    const theirs = this.#callers.get(address);
    theirs?.delete(caller);
    if (theirs?.size === 0) this.#callers.delete(address);
  }

  /** Who goes, for a caller from `address` to have a place. */
  #loserTo(address: string): Caller | undefined {
    const { callersMax, placesKept } = this.#bounds;
    if (this.size >= callersMax) return this.#idlestOfMost(() => true);
    if (this.#memberAddresses.has(address)) return undefined;
    const isStrange = (each: string): boolean => !this.#memberAddresses.has(each);
    let strangers = 0;
    for (const [each, theirs] of this.#callers) if (isStrange(each)) strangers += theirs.size;
    return strangers >= callersMax - placesKept ? this.#idlestOfMost(isStrange) : undefined;
  }

  #idlestOfMost(counts: (address: string) => boolean): Caller | undefined {
    let most = 0;
    let longest = Number.POSITIVE_INFINITY;
    let loser: Caller | undefined;
    for (const [address, theirs] of this.#callers) {
      if (theirs.size < most || !counts(address)) continue;
      const [[caller, step] = []] = theirs;
      if (caller === undefined || step === undefined) continue;
      if (theirs.size === most && step > longest) continue;
      most = theirs.size;
      longest = step;
      loser = caller;
    }
    return loser;
  }
}
