/** One message before the bytes of a stream: its length, 4 bytes, the highest first, and then the message. */
import type { Duplex } from 'node:stream';
import { Fault } from '@spillway/core';

const lengthBytes = 4;

export function writeFramed(duplex: Duplex, message: Uint8Array): void {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(message.length);
  duplex.write(Buffer.concat([length, message]));
}

/**
 * What comes after it stays in `duplex`.
 *
 * @throws Fault `InvalidInput` when it is longer than `bytesMax`, `Unavailable` when the stream ends before.
 */
export async function readFramed(
  duplex: Duplex,
  { bytesMax, signal }: { readonly bytesMax: number; readonly signal?: AbortSignal },
): Promise<Buffer> {
  const length = (await readExactly(duplex, lengthBytes, signal)).readUInt32BE();
  if (length > bytesMax) {
    throw new Fault('InvalidInput', `the message is longer than ${bytesMax} bytes`);
  }
  return length === 0 ? Buffer.alloc(0) : await readExactly(duplex, length, signal);
}

async function readExactly(
  duplex: Duplex,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = count;
  while (missing > 0) {
    signal?.throwIfAborted();
    const chunk = duplex.read() as Buffer | null;
    if (chunk === null) {
      await readable(duplex, signal);
      continue;
    }
    chunks.push(chunk.subarray(0, missing));
    if (chunk.length > missing) duplex.unshift(chunk.subarray(missing));
    missing -= Math.min(missing, chunk.length);
  }
  return Buffer.concat(chunks);
}

async function readable(duplex: Duplex, signal: AbortSignal | undefined): Promise<void> {
  if (duplex.readableEnded || duplex.destroyed) throw ended(duplex.errored);
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      duplex.off('readable', onReadable).off('end', onEnd).off('close', onEnd);
      signal?.removeEventListener('abort', onAbort);
    };
    const onReadable = (): void => (stop(), resolve());
    const onEnd = (): void => (stop(), reject(ended(duplex.errored)));
    const onAbort = (): void => (stop(), reject(signal?.reason as Error));
    duplex.on('readable', onReadable).on('end', onEnd).on('close', onEnd);
    signal?.addEventListener('abort', onAbort);
  });
}

function ended(cause: Error | null): Fault {
  return new Fault('Unavailable', cause?.message ?? 'the stream has ended', { cause });
}
