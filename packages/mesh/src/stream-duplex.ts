/**
 * A libp2p stream as a Node Duplex, with back-pressure both ways. It ends when the other side has said its
 * last byte, and fails when the stream is cut off: a reader can tell the one from the other.
 */
import { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';
import { Fault } from '@spillway/core';

export function streamDuplex(stream: Stream): Duplex {
  let said = false;
  const duplex = new Duplex({
    read() {
      // What is closed has told all that it has.
      if (stream.readStatus === 'paused') stream.resume();
    },
    write(chunk: Uint8Array, _encoding, done) {
      send(stream, chunk).then(() => done(), done);
    },
    writev(chunks, done) {
      send(stream, Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer))).then(
        () => done(),
        done,
      );
    },
    final(done) {
      stream.close().then(
        () => done(),
        () => done(),
      );
    },
    destroy(error, done) {
      if (stream.status === 'open' || stream.status === 'closing') {
        stream.abort(error ?? new Error('closed'));
      }
      done(error);
    },
  });
  // An error that nobody listens for must not end the process.
  duplex.on('error', () => {});
  stream.addEventListener('message', ({ data }) => {
    // One chunk each: an HTTP/2 frame parser copies anyway.
    const bytes = data instanceof Uint8Array ? data : data.subarray();
    if (!duplex.push(bytes) && stream.readStatus === 'readable') stream.pause();
  });
  stream.addEventListener('remoteCloseWrite', () => (said = true));
  // Unlike `remoteCloseWrite`, not before the last byte has been read, however long the stream was paused.
  stream.addEventListener('end', () => {
    if (said) duplex.push(null);
  });
  stream.addEventListener('close', ({ error }) => {
    // What was said to the end is here, and can still be read.
    if (said && !duplex.readableEnded) duplex.once('end', () => duplex.destroy(error));
    else if (error !== undefined) duplex.destroy(error);
    else if (!said) duplex.destroy(new Fault('Unavailable', 'the connection has ended'));
  });
  return duplex;
}

async function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  if (!stream.send(bytes)) await sent(stream);
}

/**
 * Resolves when the stream has passed on all that it was given. Its own `onDrain` does not wait any more once
 * it has waited (@libp2p/utils 7.4.1), so that what a slow reader does not take would pile up here.
 */
async function sent(stream: Stream): Promise<void> {
  while (stream.writableNeedsDrain || stream.writeBufferLength > 0) {
    if (stream.status !== 'open' && stream.status !== 'closing') {
      throw new Fault('Unavailable', 'the stream has ended');
    }
    await new Promise<void>((resolve) => {
      const events = ['drain', 'idle', 'close'] as const;
      const next = (): void => {
        for (const event of events) stream.removeEventListener(event, next);
        resolve();
      };
      for (const event of events) stream.addEventListener(event, next);
    });
  }
}
