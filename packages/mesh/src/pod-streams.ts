/**
 * Streams of pods that are away, over libp2p streams of a protocol of their own. A home asks, a host
 * answers, and from then on both copy bytes. When one side goes, so does the other; each end sends no
 * faster than the other reads. See proto/spillway/v1/streams.proto.
 *
 * Rejected: a gRPC method. Its framing would be a second one around bytes that have their own, and one
 * slow stream would hold up the calls beside it.
 */
import type { Duplex, Readable } from 'node:stream';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { type ClusterName, Fault, isFault, type PeerId, peerId } from '@spillway/core';
import {
  isOpen,
  type Member,
  type PodStreamHead,
  type PodStreamRequest,
  refusedStream,
} from '@spillway/federation';
import {
  decodeStreamHead,
  decodeStreamRequest,
  encodeStreamHead,
  encodeStreamRequest,
  streamBounds,
} from '@spillway/wire';
import { readFramed, writeFramed } from './framed.ts';
import { copied, finished, joined } from './joined.ts';
import { streamDuplex } from './stream-duplex.ts';

export interface AnsweredStream {
  readonly head: PodStreamHead;
  /** A Duplex where both sides speak; undefined where `head` refuses. */
  readonly body?: Readable | Duplex;
}

export interface OpenedStream {
  readonly head: PodStreamHead;
  /** Has ended where `head` refuses. */
  readonly duplex: Duplex;
}

/** As a host. `signal` fires when nobody waits any more. */
export type PodStreamHandler = (
  caller: Member,
  request: PodStreamRequest,
  signal: AbortSignal,
) => Promise<AnsweredStream>;

export interface PodStreamBounds {
  /** Maximum number of streams at once that this host carries for one neighbour. 0: none at all. */
  readonly perNeighbourMax: number;
  /** Maximum number of streams at once that this host carries for all neighbours. */
  readonly hostedMax: number;
}

export const podStreamProtocol = '/spillway/pod-streams/1';

/** Above any `perNeighbourMax`, so that more are refused in words. */
const inboundPerConnectionMax = 1_024;
/** To reach a neighbour, and for a request to be there whole. */
const openMsMax = 15_000;
const requestMsMax = 10_000;

export class PodStreams {
  readonly #options: {
    readonly members: ReadonlyMap<PeerId, Member>;
    readonly connection: (cluster: ClusterName) => Promise<Connection>;
    readonly handler: PodStreamHandler;
    readonly bounds: PodStreamBounds;
  };
  readonly #open = new Map<PeerId, Set<Duplex>>();

  constructor({
    node,
    ...options
  }: {
    readonly node: Libp2p;
    readonly members: ReadonlyMap<PeerId, Member>;
    readonly connection: (cluster: ClusterName) => Promise<Connection>;
    readonly handler: PodStreamHandler;
    readonly bounds: PodStreamBounds;
  }) {
    this.#options = options;
    void node.handle(
      podStreamProtocol,
      (stream, connection) => {
        const member = options.members.get(peerId(connection.remotePeer.toString()));
        if (member === undefined) stream.abort(new Fault('NotAMember', 'not a member'));
        else void this.#answer(stream, member);
      },
      { maxInboundStreams: inboundPerConnectionMax, runOnLimitedConnection: true },
    );
  }

  /**
   * The answer of a log comes with its first byte, which may be long in coming.
   *
   * @throws Fault `Unavailable` when the neighbour can't be reached, `Unimplemented` when its agent is older.
   */
  async open(
    cluster: ClusterName,
    request: PodStreamRequest,
    signal: AbortSignal,
  ): Promise<OpenedStream> {
    const duplex = streamDuplex(await this.#newStream(cluster, signal));
    try {
      writeFramed(duplex, encodeStreamRequest(request));
      const bytes = await readFramed(duplex, { bytesMax: streamBounds.answerBytesMax, signal });
      const head = decodeStreamHead(bytes);
      if (!isOpen(head)) duplex.destroy();
      return { head, duplex };
    } catch (error) {
      duplex.destroy();
      throw isFault(error) ? error : new Fault('Unavailable', String(error), { cause: error });
    }
  }

  /** The member is not one any more. */
  drop(peer: PeerId): void {
    for (const duplex of this.#open.get(peer) ?? []) duplex.destroy();
  }

  stop(): void {
    for (const peer of this.#open.keys()) this.drop(peer);
  }

  async #newStream(cluster: ClusterName, signal: AbortSignal): Promise<Stream> {
    const connection = await this.#options.connection(cluster);
    const within = AbortSignal.any([signal, AbortSignal.timeout(openMsMax)]);
    try {
      return await connection.newStream([podStreamProtocol], {
        signal: within,
        runOnLimitedConnection: true,
        maxOutboundStreams: inboundPerConnectionMax,
      });
    } catch (error) {
      const older = (error as Error).name === 'UnsupportedProtocolError';
      if (older) throw new Fault('Unimplemented', `the agent of ${cluster} is too old for this`);
      throw new Fault('Unavailable', `${cluster}: ${(error as Error).message}`, { cause: error });
    }
  }

  async #answer(stream: Stream, caller: Member): Promise<void> {
    const duplex = streamDuplex(stream);
    const gone = new AbortController();
    duplex.once('close', () => gone.abort());
    const refusal = this.#refusal(caller);
    if (refusal === undefined) this.#count(caller.peer, duplex);
    try {
      const request = await this.#request(duplex);
      const { head, body } = refusal
        ? { head: refusal }
        : await this.#options.handler(caller, request, gone.signal);
      writeFramed(duplex, encodeStreamHead(head));
      if (body !== undefined) {
        await ('write' in body ? joined(body, duplex) : told(body, duplex));
        return;
      }
      duplex.end();
      await finished(duplex, true);
    } catch (error) {
      duplex.destroy(error as Error);
    }
  }

  /** Until it has closed. */
  #count(peer: PeerId, duplex: Duplex): void {
    const mine = this.#open.get(peer) ?? new Set();
    this.#open.set(peer, mine.add(duplex));
    duplex.once('close', () => {
      mine.delete(duplex);
      if (mine.size === 0) this.#open.delete(peer);
    });
  }

  async #request(duplex: Duplex): Promise<PodStreamRequest> {
    const signal = AbortSignal.timeout(requestMsMax);
    const bytesMax = streamBounds.requestBytesMax;
    return decodeStreamRequest(await readFramed(duplex, { bytesMax, signal }));
  }

  #refusal({ peer, cluster }: Member): PodStreamHead | undefined {
    const { perNeighbourMax, hostedMax } = this.#options.bounds;
    if (perNeighbourMax === 0) {
      return refusedStream(403, 'this host carries no logs, commands or ports of its guests');
    }
    if ((this.#open.get(peer)?.size ?? 0) >= perNeighbourMax) {
      return refusedStream(429, `maximum of ${perNeighbourMax} streams at once for ${cluster}`);
    }
    let all = 0;
    for (const { size } of this.#open.values()) all += size;
    if (all < hostedMax) return undefined;
    return refusedStream(429, `maximum of ${hostedMax} streams at once for all neighbours`);
  }
}

/** Nobody speaks towards a log; that its reader has gone is heard all the same. */
async function told(body: Readable, duplex: Duplex): Promise<void> {
  duplex.resume();
  duplex.once('close', () => body.destroy());
  await finished(duplex, await copied(body, duplex));
}
