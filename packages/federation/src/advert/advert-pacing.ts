/**
 * When to publish what a cluster has free: on change and as a heartbeat, within a budget. Several copies of
 * every advert go to every agent. So what one agent receives grows with the number of clusters. Each cluster
 * takes its equal share of what an agent is ready to receive. A small federation never reaches it. A large
 * one has fewer heartbeats, and after a burst changes wait for their turn.
 *
 *     adverts/s of one cluster ≤ bytesPerSecond / (clusters × bytes that one advert costs an agent)
 *
 * It is a token bucket, so a change after a quiet time is published at once. An advert says how long it is
 * valid, so that fewer heartbeats do not make its cluster suspect.
 */
import { after, assert, type MonotonicMs } from '@spillway/core';

export interface AdvertPacingConfig {
  /** Maximum time between two adverts while the budget allows (ms). */
  readonly heartbeatMs: number;
  /** How long an advert is believed at that rate. */
  readonly ttlMs: number;
  /** What an agent may hear of adverts, all clusters together. */
  readonly bytesPerSecond: number;
}

/** GossipSub's mesh and gossip (Vyzovitis et al. 2020); packages/mesh runs with these, the simulator reckons with them. */
export const gossip = Object.freeze({
  /** Mesh neighbours: an advert arrives `degree` − 1 times on average, and once more from its publisher where there is a connection. */
  degree: 4,
  degreeMin: 3,
  degreeMax: 8,
  /** How many others are told each second which messages there were in the last three. */
  lazyDegree: 3,
  /** Of a message beside its payload: publisher, sequence number, signature, topic, framing. */
  envelopeBytes: 190,
  messageIdBytes: 46,
  heartbeatMs: 1_000,
  /** Heartbeats for which a message id is gossiped. */
  idHeartbeats: 3,
});

/** What one advert of `payloadBytes` costs each agent to hear, copies and gossip about it included. */
export function heardBytes(payloadBytes: number): number {
  const copies = gossip.degree;
  const ids = gossip.lazyDegree * gossip.idHeartbeats * gossip.messageIdBytes;
  return copies * (payloadBytes + gossip.envelopeBytes) + ids;
}

/** No two adverts closer than this. */
const gapMs = 200;
/** Adverts that a quiet cluster may send in a row: a minute's worth, and not more than the larger, or fewer than the smaller. */
const burstMs = 60_000;
const burstMax = 20;
const burstMin = 2;
/** Maximum share of the budget for heartbeats of clusters where nothing changes. */
const heartbeatShare = 0.5;
/** As long as an advert may be believed at all. */
const ttlMsMax = 3_600_000;

export class AdvertPacing {
  readonly #config: AdvertPacingConfig;
  #perMs = Number.POSITIVE_INFINITY;
  #tokens = burstMax;
  #tokensAt: MonotonicMs | undefined;
  #lastSent: MonotonicMs | undefined;
  #changed = false;
  #greetAt: MonotonicMs | undefined;

  constructor(config: AdvertPacingConfig) {
    assert(config.bytesPerSecond > 0, 'a budget of nothing lets nobody speak');
    this.#config = config;
  }

  /** How many clusters share the budget, and how large our adverts are. */
  share(of: { readonly clusters: number; readonly payloadBytes: number }): void {
    const cost = Math.max(1, of.clusters) * heardBytes(of.payloadBytes);
    this.#perMs = this.#config.bytesPerSecond / cost / 1_000;
  }

  get heartbeatMs(): number {
    return Math.max(this.#config.heartbeatMs, 1 / (heartbeatShare * this.#perMs));
  }

  /** As long for the rhythm that is kept as the configured one for the configured rhythm. */
  get ttlMs(): number {
    const { ttlMs, heartbeatMs } = this.#config;
    return Math.min(Math.round((ttlMs * this.heartbeatMs) / heartbeatMs), ttlMsMax);
  }

  /** What would be said may differ from what was said. */
  changed(): void {
    this.#changed = true;
  }

  /** Someone has come who may know nothing of us: say it again at `at`. */
  greet(at: MonotonicMs): void {
    if (this.#greetAt === undefined || at < this.#greetAt) this.#greetAt = at;
  }

  /** When to look whether there is something to say; the past when there is. */
  wakeAt(now: MonotonicMs): MonotonicMs {
    if (this.#lastSent === undefined) return now;
    let due = after(this.#lastSent, this.heartbeatMs);
    if (this.#greetAt !== undefined) {
      due = earlier(due, later(this.#greetAt, this.#affordable(now)));
    }
    if (this.#changed) {
      due = earlier(due, later(after(this.#lastSent, gapMs), this.#affordable(now)));
    }
    return due;
  }

  /** At `wakeAt`: whether it must be said even if nothing has changed. */
  mustSpeak(now: MonotonicMs): boolean {
    if (this.#lastSent === undefined) return true;
    const greeting = this.#greetAt !== undefined && this.#greetAt <= now;
    return greeting || now >= after(this.#lastSent, this.heartbeatMs);
  }

  /** It looked at what there is to say: `sent`, or it was what had been said. */
  looked(now: MonotonicMs, sent: boolean): void {
    this.#changed = false;
    if (!sent) return;
    if (this.#greetAt !== undefined && this.#greetAt <= now) this.#greetAt = undefined;
    this.#refill(now);
    this.#tokens = Math.max(0, this.#tokens - 1);
    this.#lastSent = now;
  }

  #affordable(now: MonotonicMs): MonotonicMs {
    this.#refill(now);
    return this.#tokens >= 1 ? now : after(now, (1 - this.#tokens) / this.#perMs);
  }

  #refill(now: MonotonicMs): void {
    const sinceMs = now - (this.#tokensAt ?? now);
    const burst = Math.max(burstMin, Math.min(burstMax, burstMs * this.#perMs));
    if (sinceMs > 0) this.#tokens = Math.min(burst, this.#tokens + sinceMs * this.#perMs);
    this.#tokensAt = now;
  }
}

function earlier(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a < b ? a : b;
}

function later(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a > b ? a : b;
}
