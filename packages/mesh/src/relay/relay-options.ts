/** What a member gives as a relay to members that nobody can dial, each part of it bounded. */
export interface RelayOptions {
  /** Whether we carry others' connections. */
  readonly serve: boolean;
  /** Members that may wait here to be reached. */
  readonly reservationsMax: number;
  /** Circuits that one member may open through us, and as many to it. */
  readonly circuitsPerMemberMax: number;
  /** Circuits at once, all members together. */
  readonly circuitsMax: number;
  /** What one circuit may carry, both ways together, before its ends must open another. */
  readonly circuitBytesMax: number;
  /** How old one circuit may become before its ends must open another. */
  readonly circuitMsMax: number;
}

/**
 * A libp2p relay for strangers gives 128 KiB and two minutes for each circuit. Ours are used by members,
 * known by certificate, for GossipSub and for calls that last. Their bounds only stop what goes wrong. At
 * the advert budget of 10 kB/s, the gossip of a day is below 1 GB. A circuit that ends is opened again at
 * once, and calls between agents may be repeated.
 */
export const relayDefaults: RelayOptions = Object.freeze({
  serve: true,
  reservationsMax: 64,
  circuitsPerMemberMax: 64,
  circuitsMax: 512,
  circuitBytesMax: 4 * 1024 ** 3,
  circuitMsMax: 24 * 60 * 60 * 1000,
});

/** What we do as a relay, and where we wait at others. */
export interface RelayState {
  readonly serves: boolean;
  /** Where we wait to be reached: clusters, or peers of which no more is known. */
  readonly waitsAt: readonly string[];
  /** Members that wait here. */
  readonly reservations: number;
  /** Connections of others that pass through us. */
  readonly circuits: number;
}
