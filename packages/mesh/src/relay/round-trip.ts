/**
 * The round trip of one connection, by libp2p's ping protocol. The ping service's own `ping(peer)` takes
 * whichever connection libp2p likes, dials again where the only one is relayed, and counts whole
 * milliseconds.
 */
import { randomBytes } from 'node:crypto';
import type { Connection } from '@libp2p/interface';
import { byteStream } from '@libp2p/utils';
import { Fault } from '@spillway/core';

const protocol = '/ipfs/ping/1.0.0';
const bytes = 32;
const timeoutMs = 10_000;

/** @throws when the answer is wrong or does not come before the signal, by default within 10 s. */
export async function roundTripMs(
  connection: Connection,
  signal = AbortSignal.timeout(timeoutMs),
): Promise<number> {
  const stream = await connection.newStream([protocol], { signal, runOnLimitedConnection: true });
  try {
    const channel = byteStream(stream);
    const sent = randomBytes(bytes);
    const begun = performance.now();
    await channel.write(sent, { signal });
    const answer = await channel.read({ bytes, signal });
    const rttMs = performance.now() - begun;
    if (answer === null || !sent.equals(answer.subarray())) {
      throw new Fault('InvalidInput', 'a ping was answered with something else');
    }
    await stream.close({ signal });
    return rttMs;
  } catch (error) {
    stream.abort(error as Error);
    throw error;
  }
}
