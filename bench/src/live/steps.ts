/** A trial's steps on the wall clock. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { App, Trial } from '@spillway/simulator';
import type { LatestWrites } from './latest-writes.ts';

/**
 * The trial's clock starts now: what each step wants is handed to `writes` when its time has come.
 * Resolves when the trial's duration has passed.
 *
 * @throws `signal`'s reason; what the first failing write threw; whatever `check`, called at every step, throws.
 */
export async function playSteps(
  { apps, durationMs }: Trial,
  options: {
    readonly writes: LatestWrites<App, number>;
    readonly signal: AbortSignal;
    readonly check?: () => void;
  },
): Promise<void> {
  const { writes, signal, check } = options;
  const startedMs = performance.now();
  const steps = apps
    .flatMap((app) => app.steps.map(({ atMs, replicas }) => ({ atMs, app, replicas })))
    .filter(({ atMs }) => atMs < durationMs)
    .sort((a, b) => a.atMs - b.atMs);
  const until = async (atMs: number): Promise<void> => {
    const leftMs = startedMs + atMs - performance.now();
    if (leftMs > 0) await sleep(leftMs, undefined, { signal });
    signal.throwIfAborted();
    writes.throwIfFailed();
    check?.();
  };
  try {
    for (const { atMs, app, replicas } of steps) {
      await until(atMs);
      writes.want(app, replicas);
    }
    await until(durationMs);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
