/**
 * How revocations spread. An agent that connects sends what it has. An agent that learns a revocation sends
 * it on to all that it is connected with. So an agent that was away learns it at once, and a new one crosses
 * the federation in as many hops as it is wide. Lists of revocations are short and rare, so they are sent
 * whole. The root's signature is checked at every hop, for every sender.
 *
 * Rejected: a GossipSub topic. A new agent would need this exchange too, and a message there is forgotten
 * after some heartbeats.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import { type Clock, type MonotonicMs, type PeerId, peerId } from '@spillway/core';
import { revocationBounds } from '@spillway/wire';
import type { MergeResult, Revocation, Revocations } from './identity/revocations.ts';
import type { Refusals } from './refusals.ts';

export interface RevocationExchangeOptions {
  readonly node: Libp2p;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly refusals: Refusals;
  /** Only ever with something in it. */
  readonly onAdded: (added: readonly Revocation[]) => void;
}

const protocol = '/spillway/revocations/1';
const exchangeMsMax = 10_000;
const streamsPerPeerMax = 2;
/** A peer may send 1 list a second, 10 at once: more than any of ours does. */
const perSecond = 1;
const burst = 10;
const peersMax = 10_000;
/** Maximum number of times that a list is sent that was not taken, after pauses that grow by a second each. */
const sendTriesMax = 5;
const sendPauseMs = 1_000;
/** Says that a list has been read. */
const taken = Uint8Array.of(1);

export class RevocationExchange {
  readonly #options: RevocationExchangeOptions;
  readonly #allowances = new Map<PeerId, { tokens: number; at: MonotonicMs }>();
  /** Connections being told; true once there is more to tell. */
  readonly #telling = new Map<Connection, boolean>();

  constructor(options: RevocationExchangeOptions) {
    this.#options = options;
    void options.node.handle(
      protocol,
      (stream, connection) => void this.#receive(stream, connection),
      { maxInboundStreams: streamsPerPeerMax, runOnLimitedConnection: true },
    );
  }

  /** A connection is there: it is told what we know. */
  greet(peer: PeerId): void {
    if (this.#options.revocations.size === 0) return;
    for (const connection of this.#options.node.getConnections()) {
      if (connection.remotePeer.toString() === peer) return void this.#send(connection);
    }
  }

  /** Takes a list from wherever it came; what is new is passed on to everyone but `from`. */
  async take(list: Uint8Array, from: PeerId | undefined): Promise<MergeResult> {
    const { revocations, refusals, node, onAdded } = this.#options;
    const result = await revocations.merge(list);
    const { added, problem, detail } = result;
    if (problem !== undefined) {
      const peer = from ?? 'operator';
      const more = detail === undefined ? {} : { detail };
      refusals.add({ where: 'revocation', reason: `list is ${problem}`, peer, ...more });
    }
    if (added.length === 0) return result;
    // First: who is named is told nothing on a connection that is being cut (yamux throws where nobody
    // catches), but when it knocks again.
    onAdded(added);
    for (const connection of node.getConnections()) {
      if (connection.remotePeer.toString() !== from && connection.status === 'open')
        void this.#send(connection);
    }
    return result;
  }

  /** One list at a time; what comes meanwhile goes with the next. */
  async #send(connection: Connection): Promise<void> {
    if (this.#telling.has(connection)) {
      this.#telling.set(connection, true);
      return;
    }
    let more = true;
    for (let tries = 1; more && tries <= sendTriesMax && connection.status === 'open'; tries++) {
      this.#telling.set(connection, false);
      const told = await this.#tell(connection);
      more = !told || this.#telling.get(connection) === true;
      if (told) tries = 0;
      else await sleep(tries * sendPauseMs, undefined, { ref: false });
    }
    // What one that is gone misses it hears from others, or when it connects again.
    this.#telling.delete(connection);
  }

  async #tell(connection: Connection): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(exchangeMsMax);
      const stream = await connection.newStream(protocol, {
        signal,
        runOnLimitedConnection: true,
      });
      const channel = channelOf(stream);
      await channel.write(this.#options.revocations.encoded(), { signal });
      await channel.read({ signal });
      await stream.close({ signal });
      return true;
    } catch {
      return false;
    }
  }

  async #receive(stream: Stream, connection: Connection): Promise<void> {
    const from = peerId(connection.remotePeer.toString());
    try {
      if (!this.#allowed(from)) {
        this.#options.refusals.add({ where: 'revocation', reason: 'flood', peer: from });
        stream.abort(new Error('too many revocation lists'));
        return;
      }
      const signal = AbortSignal.timeout(exchangeMsMax);
      const channel = channelOf(stream);
      const list = (await channel.read({ signal })).subarray();
      await this.take(list, from);
      await channel.write(taken, { signal });
      await stream.close({ signal });
    } catch (error) {
      stream.abort(error as Error);
    }
  }

  #allowed(peer: PeerId): boolean {
    const now = this.#options.clock.monotonicMs();
    const known = this.#allowances.get(peer) ?? { tokens: burst, at: now };
    const earned = ((now - known.at) / 1000) * perSecond;
    const tokens = Math.min(burst, known.tokens + earned);
    this.#allowances.delete(peer);
    if (this.#allowances.size >= peersMax) {
      const [oldest] = this.#allowances.keys();
      if (oldest !== undefined) this.#allowances.delete(oldest);
    }
    this.#allowances.set(peer, { tokens: tokens < 1 ? tokens : tokens - 1, at: now });
    return tokens >= 1;
  }
}

function channelOf(stream: Stream) {
  return lpStream(stream, {
    maxDataLength: revocationBounds.listBytesMax,
    maxBufferSize: 2 * revocationBounds.listBytesMax,
  });
}
