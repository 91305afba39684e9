/**
 * Two connections made one. What one end says before it goes reaches the other whole, and that it broke is
 * heard as an error. Node's `pipeline` in both directions does not do that: an end that closes right after
 * its last byte breaks the way back, and `pipeline` then throws away what is still on its way.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import { Fault } from '@spillway/core';

/** How long one that was told all may stay open. */
const lingerMsMax = 10_000;

/** Resolves when both are closed. */
export async function joined(a: Duplex, b: Duplex): Promise<void> {
  await Promise.all([carried(a, b), carried(b, a)]);
}

async function carried(from: Duplex, to: Duplex): Promise<void> {
  if (await copied(from, to)) return await finished(to, true);
  // It has said all that it had, and left: that may still be on its way, and nobody hears `from` any more.
  if (to.closed && to.readableEnded) return void from.resume();
  for (const each of [from, to]) each.destroy(new Fault('Unavailable', 'the stream has broken'));
}

/** Whether all that `from` had to say has reached `to`, which has then ended. Ends neither of them otherwise. */
export async function copied(from: Readable, to: Writable): Promise<boolean> {
  // Errors are seen by what follows from them, and must not end the process.
  for (const each of [from, to]) each.on('error', () => {});
  const broken = once(from, 'close').then(async () => {
    if (!from.readableEnded) return;
    // All has been said: what is not written yet will be.
    await new Promise(() => {});
  });
  from.pipe(to);
  await Promise.race([once(to, 'finish'), once(to, 'close'), broken]);
  return to.writableFinished;
}

/** Closes it: politely where it was told all, and so that the other side notices where it was not. */
export async function finished(stream: Duplex, whole: boolean): Promise<void> {
  if (!whole) stream.destroy(new Fault('Unavailable', 'the stream has broken'));
  if (stream.closed) return;
  if (stream.listenerCount('data') === 0) stream.resume();
  await Promise.race([once(stream, 'close'), lingered()]);
  stream.destroy();
}

function once(stream: Readable | Writable, event: 'end' | 'close' | 'finish'): Promise<void> {
  const over = { end: 'readableEnded', close: 'closed', finish: 'writableFinished' } as const;
  if ((stream as Partial<Duplex>)[over[event]] === true) return Promise.resolve();
  return new Promise((resolve) => stream.once(event, () => resolve()));
}

async function lingered(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, lingerMsMax).unref());
}
