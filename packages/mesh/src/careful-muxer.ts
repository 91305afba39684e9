/**
 * Yamux, one way to end the process less. It opens a new stream's window in a microtask of its own; when its
 * connection takes no more by then, and it has not been told, that throws where nobody can catch it
 * (@chainsafe/libp2p-yamux 8.0.1, `onCreateStream`). A connection that ends at the wrong moment ended an
 * agent so. Such a stream is aborted, and its requester gets the error.
 *
 * A stream's window stays below what may wait to be read (4 MiB): by default it grows to 16 MiB, and a
 * stream whose reader pauses is aborted once more than 4 MiB wait.
 */
import { yamux } from '@chainsafe/libp2p-yamux';
import type { StreamMuxerFactory } from '@libp2p/interface';

/** At 100 ms of RTT, 20 MB/s for each stream. */
const windowBytesMax = 2 * 1024 * 1024;

export function carefulYamux(): () => StreamMuxerFactory {
  const makeFactory = yamux({ streamOptions: { maxStreamWindowSize: windowBytesMax } });
  return () => {
    const factory = makeFactory();
    const createStreamMuxer = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer(connection);
      const onCreateStream = muxer.onCreateStream.bind(muxer);
      muxer.onCreateStream = () => {
        const stream = onCreateStream();
        const sendWindowUpdate = stream.sendWindowUpdate.bind(stream);
        stream.sendWindowUpdate = () => {
          try {
            sendWindowUpdate();
          } catch (error) {
            stream.abort(error as Error);
          }
        };
        return stream;
      };
      return muxer;
    };
    return factory;
  };
}
