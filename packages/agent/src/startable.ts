/** A part of an agent that runs from its start to its stop. */
export interface Startable {
  start?(): void;
  stop(): void;
}

export function startAll(parts: readonly Startable[]): void {
  for (const part of parts) part.start?.();
}

/** In the reverse order of their start. */
export function stopAll(parts: readonly Startable[]): void {
  for (const part of parts.toReversed()) part.stop();
}

export function every(ms: number, act: () => void): Startable {
  let timer: NodeJS.Timeout | undefined;
  return {
    start() {
      timer = setInterval(act, ms);
    },
    stop: () => clearInterval(timer),
  };
}
