/** Structured logs: a constant message and fields, one JSON object a line on standard error. */
import { pino } from 'pino';

export type Log = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'>;

export function createLog(options: { readonly level: string; readonly cluster: string }): Log {
  return pino(
    {
      level: options.level,
      base: { cluster: options.cluster },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}
