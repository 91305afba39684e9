/** Structured logs: a constant message and fields, one JSON object a line on standard error. */
import { isFault } from '@spillway/core';
import { pino } from 'pino';

export type Log = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'>;

export function createLog(options: { readonly level: string; readonly cluster: string }): Log {
  return pino(
    {
      level: options.level,
      base: { cluster: options.cluster },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: readable },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}

/** What is to be expected is told in a line; where it was thrown matters only for a bug. */
function readable(error: unknown): unknown {
  if (isFault(error) && error.code !== 'Internal') return `${error.code}: ${error.message}`;
  return error instanceof Error ? pino.stdSerializers.err(error) : error;
}
