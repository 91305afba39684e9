/** How far it is and how long it will take, on standard error: in place on a terminal, else now and then. */
import { createLogUpdate } from 'log-update';

export interface Progress {
  /** This many more of `total` are done; one without a number. */
  done(count?: number): void;
  /** What goes on now. */
  at(what: string): void;
  stop(): void;
}

const barWidth = 24;
const lineMs = 10_000;
const refreshMs = 500;

export function startProgress(total: number, unit: string): Progress {
  const started = performance.now();
  const live = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  let [finished, what, saidAt] = [0, '', 0];
  const line = (): string => {
    const elapsedMs = performance.now() - started;
    const filled = Math.round((barWidth * finished) / total);
    const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
    const leftS = Math.round((elapsedMs / Math.max(1, finished)) * ((total - finished) / 1_000));
    const left = finished === 0 ? '' : `, ${leftS} s left`;
    return `${bar} ${finished}/${total} ${unit}, ${Math.round(elapsedMs / 1_000)} s${left}  ${what}`;
  };
  const show = (): void => {
    if (live !== undefined) return live(line());
    if (performance.now() - started - saidAt < lineMs) return;
    saidAt = performance.now() - started;
    process.stderr.write(`${line()}\n`);
  };
  const timer = setInterval(show, refreshMs);
  return {
    done(count = 1) {
      finished += count;
      show();
    },
    at(text) {
      what = text;
      show();
    },
    stop() {
      clearInterval(timer);
      live?.clear();
    },
  };
}
