import { Fault } from '@spillway/core';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly everyMs?: number;
  /** Why it will never come about: waiting ends at once, and this is thrown. */
  readonly hopeless?: () => Error | undefined;
}

/**
 * Waits until `check` returns something, trying every `everyMs`. What `check` throws counts as not yet.
 *
 * @throws Fault `DeadlineExceeded` that says what was waited for, with the last error as cause.
 */
export async function waitFor<T>(
  what: string,
  check: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T> {
  const ends = performance.now() + options.timeoutMs;
  let last: unknown;
  for (;;) {
    const hopeless = options.hopeless?.();
    if (hopeless !== undefined) throw hopeless;
    try {
      const found = await check();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= ends) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Fault('DeadlineExceeded', `${what}: not after ${options.timeoutMs} ms${why}`, {
        cause: last,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 100));
  }
}
