#!/usr/bin/env node
/** Exit codes: see program.ts. */
import { type FaultCode, isFault } from '@spillway/core';
import { CommanderError } from 'commander';
import { spillwayProgram } from './program.ts';

const codes: Partial<Readonly<Record<FaultCode, number>>> = {
  InvalidConfig: 2,
  InvalidId: 2,
  InvalidInput: 2,
  InvalidQuantity: 2,
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
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(
      `error: ${isFault(error) ? error.message : ((error as Error).stack ?? String(error))}\n`,
    );
    process.exitCode = isFault(error) ? (codes[error.code] ?? 1) : 1;
  }
}
