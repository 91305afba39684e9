/** A trial's steps on the wall clock. */
import type { App, Trial } from '@spillway/simulator';

/**
 * Calls `scale` for each step when its time has come, without waiting for it to end; resolves when the
 * trial's time has passed, or at once when `signal` fires. A step that fails ends the trial.
 */
export async function playSteps(
  { apps, durationMs }: Trial,
  signal: AbortSignal,
  scale: (app: App, replicas: number) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  let failure: unknown;
  const timers: NodeJS.Timeout[] = [];
  /** Of one app, one write after the other. */
  const last = new Map<string, Promise<void>>();
  for (const app of apps) {
    for (const { atMs, replicas } of app.steps) {
      const step = (): void => {
        const before = last.get(app.name) ?? Promise.resolve();
        const now = before.then(() => scale(app, replicas));
        last.set(app.name, now);
        now.catch((error: unknown) => {
          failure ??= error;
          failed.abort();
        });
      };
      timers.push(setTimeout(step, atMs));
    }
  }
  await passed(durationMs, AbortSignal.any([signal, failed.signal]));
  for (const timer of timers) clearTimeout(timer);
  await Promise.allSettled(last.values());
  if (failure !== undefined) throw failure;
}

/** Resolves after `ms`, or when `signal` fires. */
async function passed(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
