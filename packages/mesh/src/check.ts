/**
 * How a member is reached, both ways. We open a new connection to it, and ask it to open one to us, by the
 * addresses that each says of itself. A connection that is open already would prove one way only. It is for
 * people who look for what is wrong (`spillway doctor`), and nothing else depends on it. See
 * proto/spillway/v1/check.proto for how clocks are compared without an instant on the wire.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { type Clock, type ClusterName, Fault, type PeerId, peerId, version } from '@spillway/core';
import type { Member } from '@spillway/federation';
import {
  checkAnswerBytesMax,
  decodeCheckAnswer,
  type DialOutcome,
  encodeCheckAnswer,
} from '@spillway/wire';
import type { Membership } from './identity/certificate.ts';
import { isRelayedAddress } from './relay/path.ts';
import { roundTripMs } from './relay/round-trip.ts';

export interface LinkCheck {
  /** We to it. */
  readonly there: DialOutcome;
  /** It to us, as it says; undefined when it could not be asked. */
  readonly back: DialOutcome | undefined;
  /** Of its agent. */
  readonly version?: string;
  /** How far its clock is ahead of ours, ms; right to half a round trip. */
  readonly clockAheadMs?: number;
  /** How many guests of ours it says it has. */
  readonly guests?: number;
  /** Why it could not be asked. */
  readonly problem?: string;
}

export interface ChecksOptions {
  readonly node: Libp2p;
  readonly members: ReadonlyMap<PeerId, Membership>;
  /** Ours. */
  readonly expiresMs: number;
  readonly clock: Clock;
  readonly addressesOf: (peer: PeerId) => readonly string[];
  readonly connection: (cluster: ClusterName) => Promise<Connection>;
  /** Unfinished guests of a home here. */
  readonly guestsOf: (home: ClusterName) => number;
}

export const checkProtocol = '/spillway/check/1';

const dialMsMax = 5_000;
/** The least counts: a busy machine only ever adds. */
const pings = 3;
/** A dial, its round trip, and the way there and back. */
const answerMsMax = 12_000;
/** Each check makes us dial: one at a time per member, this many for all. */
const answersMax = 8;

export class Checks {
  readonly #options: ChecksOptions;
  readonly #answering = new Set<PeerId>();

  constructor(options: ChecksOptions) {
    this.#options = options;
    void options.node.handle(
      checkProtocol,
      (stream, connection) => void this.#answer(stream, connection),
      { maxInboundStreams: 1, runOnLimitedConnection: true },
    );
  }

  async check(member: Member): Promise<LinkCheck> {
    const [there, asked] = await Promise.all([this.#dial(member.peer), this.#ask(member)]);
    return { there, ...asked };
  }

  async #ask({ cluster }: Member): Promise<Omit<LinkCheck, 'there'>> {
    const { clock, expiresMs, connection } = this.#options;
    const signal = AbortSignal.timeout(answerMsMax);
    let stream: Stream | undefined;
    try {
      const used = await connection(cluster);
      stream = await used.newStream([checkProtocol], { signal, runOnLimitedConnection: true });
      const channel = lpStream(stream, { maxDataLength: checkAnswerBytesMax });
      const bytes = await channel.read({ signal });
      const leftMs = expiresMs - clock.wallMs();
      const answer = decodeCheckAnswer(bytes.subarray());
      await stream.close({ signal });
      return {
        back: answer.dialled,
        version: answer.version,
        // Who has less time left has the clock that is ahead.
        clockAheadMs: Math.round(leftMs - answer.certificateLeftMs),
        guests: answer.guests,
      };
    } catch (error) {
      stream?.abort(error as Error);
      return { back: undefined, problem: problemOf(error) };
    }
  }

  async #answer(stream: Stream, connection: Connection): Promise<void> {
    const { members, clock, guestsOf } = this.#options;
    const peer = peerId(connection.remotePeer.toString());
    const asker = members.get(peer);
    if (asker === undefined || this.#answering.has(peer) || this.#answering.size >= answersMax) {
      stream.abort(new Fault('ResourceExhausted', 'one check at a time'));
      return;
    }
    this.#answering.add(peer);
    const signal = AbortSignal.timeout(answerMsMax);
    try {
      const dialled = await this.#dial(peer);
      const answer = encodeCheckAnswer({
        version,
        guests: guestsOf(asker.cluster),
        dialled,
        certificateLeftMs: asker.expiresMs - clock.wallMs(),
      });
      await lpStream(stream).write(answer, { signal });
      await stream.close({ signal });
    } catch (error) {
      stream.abort(error as Error);
    } finally {
      this.#answering.delete(peer);
    }
  }

  async #dial(peer: PeerId): Promise<DialOutcome> {
    const addresses = this.#options.addressesOf(peer).filter((each) => !isRelayedAddress(each));
    if (addresses.length === 0)
      return { ok: false, problem: 'says of no address that it can be dialled there' };
    let connection: Connection | undefined;
    try {
      const targets = addresses.map((address) =>
        multiaddr(address.includes('/p2p/') ? address : `${address}/p2p/${peer}`),
      );
      const signal = AbortSignal.timeout(dialMsMax);
      connection = await this.#options.node.dial(targets, { signal, force: true });
      const rttsMs: number[] = [];
      for (let i = 0; i < pings; i++) rttsMs.push(await roundTripMs(connection));
      return { ok: true, rttMs: Math.min(...rttsMs) };
    } catch (error) {
      return { ok: false, problem: `${addresses.join(' ')}: ${problemOf(error)}` };
    } finally {
      await connection?.close().catch((error: Error) => connection?.abort(error));
    }
  }
}

const causesMax = 3;

/** libp2p wraps what happened in errors that say little. */
function problemOf(error: unknown): string {
  const { message, cause, errors = [] } = error as Error & { readonly errors?: readonly Error[] };
  const inner = errors.length > 0 ? errors : cause === undefined ? [] : [cause as Error];
  const texts = [message, ...inner.slice(0, causesMax).map((each) => each.message)];
  return [...new Set(texts)].join(': ').slice(0, 300);
}
