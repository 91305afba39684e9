/** A libp2p stream as a Node Duplex, with back-pressure both ways, for HTTP/2 over it. */
import { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';

export function streamDuplex(stream: Stream): Duplex {
  const duplex = new Duplex({
    read() {
      stream.resume();
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
  stream.addEventListener('message', ({ data }) => {
    // One chunk each: an HTTP/2 frame parser copies anyway.
    const bytes = data instanceof Uint8Array ? data : data.subarray();
    if (!duplex.push(bytes)) stream.pause();
  });
  stream.addEventListener('remoteCloseWrite', () => duplex.push(null));
  stream.addEventListener('close', () => {
    duplex.push(null);
    duplex.destroy();
  });
  return duplex;
}

async function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  if (!stream.send(bytes)) await stream.onDrain();
}
