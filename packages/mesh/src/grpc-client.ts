/**
 * Negotiation as a home calls it. A grpc-js channel goes to a Unix socket in a directory that only we can
 * enter. That socket is piped into a libp2p stream to the neighbour. grpc-js clients cannot be given a
 * stream. A TCP port would let any process of the machine speak with our identity.
 */
import { type ClientReadableStream, credentials, Metadata } from '@grpc/grpc-js';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { Stream } from '@libp2p/interface';
import { Fault } from '@spillway/core';
import type {
  CallOptions,
  CancelSignal,
  GuestUpdate,
  NegotiationClient,
} from '@spillway/federation';
import * as wire from '@spillway/wire';
import { callBounds } from './grpc-server.ts';
import { streamDuplex } from './stream-duplex.ts';

type Cancellable = { cancel(): void };

export class StreamedNegotiationClient implements NegotiationClient {
  readonly #listener: Server;
  #stub: wire.NegotiationStub;
  readonly #newStub: () => wire.NegotiationStub;
  readonly #listening: Promise<void>;

  readonly #reach: () => Promise<unknown>;

  /**
   * `name` is unique within `directory`; `open` opens a stream to the neighbour. `reach` fails when there
   * is no connection and none can be made: said so, and before grpc-js begins to back off.
   */
  constructor(options: {
    readonly directory: string;
    readonly name: string;
    readonly reach: () => Promise<unknown>;
    readonly open: () => Promise<Stream>;
  }) {
    this.#reach = options.reach;
    const path = join(options.directory, options.name);
    this.#listener = createServer((socket) => {
      options.open().then(
        (stream) => {
          const duplex = streamDuplex(stream);
          pipeline(socket, duplex, socket, () => {
            duplex.destroy();
            socket.destroy();
          });
        },
        () => socket.destroy(),
      );
    });
    this.#listening = new Promise((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen(path, resolve);
    });
    this.#listener.unref();
    this.#newStub = () =>
      new wire.NegotiationStub(`unix:${path}`, credentials.createInsecure(), {
        // One of its own: `move` must not come back to the old one's stream.
        'grpc.use_local_subchannel_pool': 1,
        'grpc.max_receive_message_length': callBounds.messageBytesMax,
        'grpc.initial_reconnect_backoff_ms': 200,
        'grpc.min_reconnect_backoff_ms': 200,
        'grpc.max_reconnect_backoff_ms': 2_000,
        'grpc.enable_retries': 0,
      });
    this.#stub = this.#newStub();
  }

  async reserve(request: Parameters<NegotiationClient['reserve']>[0], options: CallOptions) {
    const message = wire.reserveRequest.to(request);
    return wire.reserveAnswer.from(
      await this.#call(options, (metadata, call, done) =>
        this.#stub.reserve(message, metadata, call, done),
      ),
    );
  }

  async tryGuests(request: Parameters<NegotiationClient['tryGuests']>[0], options: CallOptions) {
    const message = wire.tryRequest.to(request);
    return wire.tryAnswer.from(
      await this.#call(options, (metadata, call, done) =>
        this.#stub.tryGuests(message, metadata, call, done),
      ),
    );
  }

  async commit(request: Parameters<NegotiationClient['commit']>[0], options: CallOptions) {
    const message = wire.commitRequest.to(request);
    return wire.commitAnswer.from(
      await this.#call(options, (metadata, call, done) =>
        this.#stub.commit(message, metadata, call, done),
      ),
    );
  }

  async updateGuests(
    request: Parameters<NegotiationClient['updateGuests']>[0],
    options: CallOptions,
  ) {
    const message = wire.updateRequest.to(request);
    return wire.updateAnswer.from(
      await this.#call(options, (metadata, call, done) =>
        this.#stub.updateGuests(message, metadata, call, done),
      ),
    );
  }

  async release(request: Parameters<NegotiationClient['release']>[0], options: CallOptions) {
    const message = wire.releaseRequest.to(request);
    await this.#call(options, (metadata, call, done) =>
      this.#stub.release(message, metadata, call, done),
    );
  }

  async *watchGuests(
    request: { readonly homeEpoch: number },
    options: { readonly signal?: CancelSignal },
  ): AsyncIterable<GuestUpdate> {
    await this.#listening;
    await this.#reach();
    const call: ClientReadableStream<Parameters<typeof wire.guestUpdate.from>[0]> =
      this.#stub.watchGuests({ homeEpoch: request.homeEpoch });
    const cancel = cancelOn(options.signal, call);
    try {
      for await (const message of call) yield wire.guestUpdate.from(message);
    } catch (error) {
      throw wire.toFault(error);
    } finally {
      cancel();
      call.cancel();
    }
  }

  /** From now on calls open a new stream; those that run end on theirs. */
  move(): void {
    const old = this.#stub;
    this.#stub = this.#newStub();
    old.close();
  }

  close(): void {
    this.#stub.close();
    this.#listener.close();
  }

  async #call<T>(
    { deadlineMs, signal }: CallOptions,
    start: (
      metadata: Metadata,
      options: { deadline: number },
      done: (error: Error | null, response: T) => void,
    ) => Cancellable,
  ): Promise<T> {
    await this.#listening;
    await this.#reach();
    if (signal?.aborted) throw new Fault('Cancelled', 'cancelled before it began');
    let stopListening = (): void => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        const call = start(
          new Metadata(),
          { deadline: Date.now() + deadlineMs },
          (error, response) => (error ? reject(error) : resolve(response)),
        );
        stopListening = cancelOn(signal, call);
      });
    } catch (error) {
      throw wire.toFault(error);
    } finally {
      stopListening();
    }
  }
}

function cancelOn(signal: CancelSignal | undefined, call: Cancellable): () => void {
  if (signal === undefined) return () => {};
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  return () => signal.removeEventListener('abort', cancel);
}
