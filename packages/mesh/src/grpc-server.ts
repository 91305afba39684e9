/**
 * Negotiation as a host serves it: one grpc-js server for each member, which gets that member's streams. So
 * the connection says who calls, and not any metadata.
 */
import type { Stream } from '@libp2p/interface';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { Fault, type PeerId } from '@spillway/core';
import type { Member, NegotiationHandler } from '@spillway/federation';
import * as wire from '@spillway/wire';
import { streamDuplex } from './stream-duplex.ts';

export const callBounds = Object.freeze({
  /** One member's calls at once. */
  callsPerMemberMax: 64,
  streamsPerMemberMax: 8,
  messageBytesMax: 20 * 1024 * 1024,
});

export class NegotiationServers {
  readonly #handler: NegotiationHandler;
  readonly #servers = new Map<
    PeerId,
    { readonly server: Server; readonly inject: (stream: Stream) => void }
  >();

  constructor(handler: NegotiationHandler) {
    this.#handler = handler;
  }

  accept(stream: Stream, member: Member): void {
    let entry = this.#servers.get(member.peer);
    if (entry === undefined) {
      entry = newServer(this.#handler, member);
      this.#servers.set(member.peer, entry);
    }
    entry.inject(stream);
  }

  /** The member has no connection any more. */
  drop(peer: PeerId): void {
    this.#servers.get(peer)?.server.forceShutdown();
    this.#servers.delete(peer);
  }

  stop(): void {
    for (const peer of this.#servers.keys()) this.drop(peer);
  }
}

function newServer(handler: NegotiationHandler, member: Member) {
  const server = new Server({
    'grpc.max_receive_message_length': callBounds.messageBytesMax,
    'grpc.max_concurrent_streams': callBounds.callsPerMemberMax,
  });
  const calls = new CallGate();
  server.addService(wire.NegotiationService, {
    reserve: unary(calls, async (message: Parameters<typeof wire.reserveRequest.from>[0]) =>
      wire.reserveAnswer.to(await handler.reserve(member, wire.reserveRequest.from(message))),
    ),
    tryGuests: unary(calls, async (message: Parameters<typeof wire.tryRequest.from>[0]) =>
      wire.tryAnswer.to(await handler.tryGuests(member, wire.tryRequest.from(message))),
    ),
    commit: unary(calls, async (message: Parameters<typeof wire.commitRequest.from>[0]) =>
      wire.commitAnswer.to(await handler.commit(member, wire.commitRequest.from(message))),
    ),
    updateGuests: unary(calls, async (message: Parameters<typeof wire.updateRequest.from>[0]) =>
      wire.updateAnswer.to(await handler.updateGuests(member, wire.updateRequest.from(message))),
    ),
    release: unary(calls, async (message: Parameters<typeof wire.releaseRequest.from>[0]) => {
      await handler.release(member, wire.releaseRequest.from(message));
      return {};
    }),
    watchGuests: watchGuests(handler, member),
  } satisfies wire.NegotiationServer);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return { server, inject: (stream: Stream) => injector.injectConnection(streamDuplex(stream)) };
}

function unary<Request, Response>(
  calls: CallGate,
  answer: (request: Request) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, reply) => {
    calls
      .run(() => answer(call.request))
      .then(
        (response) => reply(null, response),
        (error: unknown) => reply(wire.toStatus(error)),
      );
  };
}

function watchGuests(
  handler: NegotiationHandler,
  member: Member,
): handleServerStreamingCall<{ homeEpoch: number }, Parameters<typeof wire.guestUpdate.from>[0]> {
  return (call) => {
    const cancelled = new AbortController();
    call.on('cancelled', () => cancelled.abort());
    call.on('close', () => cancelled.abort());
    const run = async (): Promise<void> => {
      const homeEpoch = wire.epoch(call.request.homeEpoch);
      for await (const update of handler.watchGuests(member, { homeEpoch }, cancelled.signal)) {
        if (cancelled.signal.aborted) return;
        if (!call.write(wire.guestUpdate.to(update))) await drained(call, cancelled.signal);
      }
    };
    run().then(
      () => call.end(),
      (error: unknown) => call.emit('error', wire.toStatus(error)),
    );
  };
}

function drained(
  call: { once(event: 'drain', listener: () => void): unknown },
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    call.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** HTTP/2's own limit is per stream connection; a member may open several. */
class CallGate {
  #running = 0;

  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running >= callBounds.callsPerMemberMax) {
      throw new Fault(
        'ResourceExhausted',
        `more than ${callBounds.callsPerMemberMax} calls at once`,
      );
    }
    this.#running += 1;
    try {
      return await call();
    } finally {
      this.#running -= 1;
    }
  }
}
