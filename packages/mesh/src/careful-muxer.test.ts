import { setImmediate } from 'node:timers/promises';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { StreamMuxerFactory } from '@libp2p/interface';
import { multiaddrConnectionPair } from '@libp2p/utils';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { carefulYamux } from './careful-muxer.ts';

/** What nobody caught, which would end an agent. */
const uncaught: Error[] = [];
const note = (error: Error): void => void uncaught.push(error);
let others: NodeJS.UncaughtExceptionListener[] = [];

beforeEach(() => {
  uncaught.length = 0;
  others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', note);
});

afterEach(() => {
  process.removeAllListeners('uncaughtException');
  for (const each of others) process.on('uncaughtException', each);
});

/** Opens a stream on a connection that begins to close, of which its muxer is told later. */
async function endedAtOnce(factory: StreamMuxerFactory) {
  const [connection] = multiaddrConnectionPair();
  const opening = factory.createStreamMuxer(connection).createStream();
  const closed = connection.close();
  const stream = await opening;
  await setImmediate();
  await closed;
  return stream;
}

describe('a stream that is opened as its connection closes', () => {
  test('is aborted, and nothing is thrown where nobody catches', async () => {
    const stream = await endedAtOnce(carefulYamux()());
    expect(uncaught).toEqual([]);
    expect(stream.status).toBe('aborted');
  });

  test('ends a process with yamux as it is; when this fails, careful-muxer.ts can go', async () => {
    await endedAtOnce(yamux()());
    expect(uncaught.map(({ name }) => name)).toEqual(['StreamStateError']);
  });
});
