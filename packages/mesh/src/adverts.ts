/**
 * Adverts over GossipSub. GossipSub checks that a message is signed by its publisher's key. Here it is
 * checked that this key is a member's, and that the advert is of that very member. It must also not come
 * faster than it may. Everything else changes nothing and is counted.
 */
import { type GossipSub, type Message, TopicValidatorResult } from '@libp2p/gossipsub';
import { type Clock, isFault, type MonotonicMs, type PeerId, peerId } from '@spillway/core';
import type { Advert, Receipt } from '@spillway/federation';
import { type AdvertEnvelope, decodeAdvert, encodeAdvert } from '@spillway/wire';
import type { CertificateProblem, Membership } from './identity/certificate.ts';
import type { Revocations } from './identity/revocations.ts';
import type { Refusals } from './refusals.ts';

/** An origin may say 5 adverts a second, 20 at once. */
const ratePerSecond = 5;
const burst = 20;
const originsMax = 10_000;
const certificatesMax = 10_000;

export interface AdvertsOptions {
  readonly pubsub: GossipSub;
  readonly topic: string;
  readonly certificate: Uint8Array;
  readonly verify: (
    certificate: Uint8Array,
    peer: PeerId,
  ) => Promise<Membership | CertificateProblem>;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly refusals: Refusals;
  readonly onAdvert: (advert: Advert, from: Membership) => Receipt;
}

export class Adverts {
  readonly #options: AdvertsOptions;
  /** Certificates found good, by their bytes: a heartbeat costs no signature check. */
  readonly #verified = new Map<string, Membership>();
  readonly #allowances = new Map<PeerId, { tokens: number; at: MonotonicMs }>();

  constructor(options: AdvertsOptions) {
    this.#options = options;
    options.pubsub.topicValidators.set(options.topic, (_source, message) =>
      this.#validate(message),
    );
  }

  /** Once the node has started. */
  start(): void {
    this.#options.pubsub.subscribe(this.#options.topic);
  }

  async publish(advert: Advert): Promise<number> {
    const { pubsub, topic, certificate } = this.#options;
    const payload = encodeAdvert({ certificate, advert });
    await pubsub.publish(topic, payload);
    return payload.length;
  }

  async #validate(message: Message): Promise<TopicValidatorResult> {
    if (message.type !== 'signed') return TopicValidatorResult.Reject;
    const origin = peerId(message.from.toString());
    if (!this.#allowed(origin)) return this.#refuse(origin, 'flood', TopicValidatorResult.Ignore);
    let envelope: AdvertEnvelope;
    try {
      envelope = decodeAdvert(message.data);
    } catch (error) {
      const detail = isFault(error) ? error.message : undefined;
      return this.#refuse(origin, 'malformed', TopicValidatorResult.Reject, detail);
    }
    const member = await this.#memberOf(envelope.certificate, origin);
    if (typeof member === 'string') {
      return this.#refuse(origin, `certificate is ${member}`, TopicValidatorResult.Reject);
    }
    if (this.#options.revocations.of(member) !== undefined) {
      // Not `Reject`: who passes it on may not have heard yet.
      return this.#refuse(origin, 'certificate is revoked', TopicValidatorResult.Ignore);
    }
    const { advert } = envelope;
    if (advert.peer !== origin || advert.cluster !== member.cluster) {
      return this.#refuse(origin, 'speaks of another cluster', TopicValidatorResult.Reject);
    }
    const receipt = this.#options.onAdvert(advert, member);
    if (receipt === 'accepted') return TopicValidatorResult.Accept;
    return this.#refuse(origin, receipt, TopicValidatorResult.Ignore);
  }

  async #memberOf(certificate: Uint8Array, peer: PeerId): Promise<Membership | CertificateProblem> {
    const key = Buffer.from(certificate).toString('base64');
    const known = this.#verified.get(key);
    if (known !== undefined && known.peer === peer) {
      return known.expiresMs > this.#options.clock.wallMs() ? known : 'expired';
    }
    const member = await this.#options.verify(certificate, peer);
    if (typeof member !== 'string') bounded(this.#verified, certificatesMax).set(key, member);
    return member;
  }

  #allowed(origin: PeerId): boolean {
    const now = this.#options.clock.monotonicMs();
    let allowance = this.#allowances.get(origin);
    if (allowance === undefined) {
      allowance = { tokens: burst, at: now };
      bounded(this.#allowances, originsMax).set(origin, allowance);
    }
    const earned = ((now - allowance.at) / 1000) * ratePerSecond;
    allowance.tokens = Math.min(burst, allowance.tokens + earned);
    allowance.at = now;
    if (allowance.tokens < 1) return false;
    allowance.tokens -= 1;
    return true;
  }

  #refuse(
    peer: PeerId,
    reason: string,
    result: TopicValidatorResult,
    detail?: string,
  ): TopicValidatorResult {
    const { refusals } = this.#options;
    refusals.add({ where: 'advert', reason, peer, ...(detail !== undefined && { detail }) });
    return result;
  }
}

/** `map` with room for one more: the oldest entry goes. */
function bounded<K, V>(map: Map<K, V>, max: number): Map<K, V> {
  if (map.size >= max) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  return map;
}
