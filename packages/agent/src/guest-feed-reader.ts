/** A guest feed as an iterable, for the stream that a home reads. */
import type { GuestFeed } from '@spillway/agent-core';
import type { CancelSignal, GuestUpdate } from '@spillway/federation';

/** Waits for updates until one of `ends` aborts. One reader at a time. */
export async function* readUntil(
  feed: GuestFeed,
  ends: readonly CancelSignal[],
): AsyncIterable<GuestUpdate> {
  let wake: () => void = () => {};
  feed.onReady = () => wake();
  const end = (): void => wake();
  for (const signal of ends) signal.addEventListener('abort', end, { once: true });
  try {
    while (!ends.some(({ aborted }) => aborted)) {
      const update = feed.next();
      if (update !== undefined) {
        yield update;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    feed.onReady = () => {};
    for (const signal of ends) signal.removeEventListener('abort', end);
  }
}
