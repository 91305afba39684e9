#!/usr/bin/env node
/** Exit codes: see program.ts. */
import { endingOf, type FaultCode, isFault } from '@spillway/core';
import { spillwayProgram } from './program.ts';

const codes: Partial<Readonly<Record<FaultCode, number>>> = {
  Unavailable: 3,
  DeadlineExceeded: 3,
  NotFound: 4,
  PermissionDenied: 5,
  NotAMember: 5,
};

// `spillway … | head` ends the reader first.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  await spillwayProgram().parseAsync();
} catch (error) {
  const debug = (process.env['SPILLWAY_DEBUG'] ?? '') !== '';
  const { text, exitCode } = endingOf(error, { debug });
  // The API server's own words are printed as kubectl prints them.
  if (text !== '') process.stderr.write(`${text.replace(/^error: (?=Error from server)/, '')}\n`);
  process.exitCode = isFault(error) ? (codes[error.code] ?? exitCode) : exitCode;
}
