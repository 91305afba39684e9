#!/usr/bin/env node
/**
 * Exit codes: 0 stopped by a signal, 2 configuration, 3 lost its Lease (start it again), 1 anything else.
 */
import { isFault } from '@spillway/core';
import { startAgent } from './compose.ts';
import { readOptions, usage } from './options.ts';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  const agent = await startAgent(options, (reason) => {
    process.stderr.write(
      `${JSON.stringify({ level: 'error', msg: 'this agent may act no more', reason })}\n`,
    );
    process.exit(3);
  });
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      agent.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}

main().catch((error: unknown) => {
  const text = isFault(error) ? error.message : ((error as Error).stack ?? String(error));
  process.stderr.write(`spillway-agent: ${text}\n`);
  process.exit(isFault(error, 'InvalidConfig') || isFault(error, 'NotAMember') ? 2 : 1);
});
