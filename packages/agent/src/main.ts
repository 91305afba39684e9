#!/usr/bin/env node
/**
 * Exit codes:
 *
 * - 0: stopped by a signal
 * - 2: the configuration is wrong
 * - 3: it lost its Lease or broke an invariant; start it again
 * - 1: anything else. For example, a stop took too long, or a second signal cut it short
 */
import { type FaultCode, isFault } from '@spillway/core';
import { type Agent, startAgent } from './agent.ts';
import { readOptions, usage } from './config/options.ts';

/** Within the grace that the chart gives a pod (30 s), so that a stop is never cut off unsaid. */
const stopMsMax = 20_000;

/** A restart mends none of these. */
const forAPerson: ReadonlySet<FaultCode> = new Set(['InvalidConfig', 'InvalidId', 'NotAMember']);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  // Before anything else: in a container this is process 1, which no signal ends that it does not handle.
  let agent: Agent | undefined;
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      void stop(agent);
    });
  }
  agent = await startAgent(options, (reason) => {
    complain('error', 'this agent must stop', { reason });
    process.exit(3);
  });
}

/** What has not started yet has nothing to give back. */
async function stop(agent: Agent | undefined): Promise<void> {
  setTimeout(() => {
    complain('error', 'stopping took too long', { stopMsMax });
    process.exit(1);
  }, stopMsMax);
  try {
    await agent?.stop();
    process.exit(0);
  } catch (error) {
    complain('error', 'could not stop cleanly', { reason: String(error) });
    process.exit(1);
  }
}

function complain(level: string, msg: string, fields: object): void {
  process.stderr.write(`${JSON.stringify({ level, msg, ...fields })}\n`);
}

main().catch((error: unknown) => {
  const text = isFault(error) ? error.message : ((error as Error).stack ?? String(error));
  process.stderr.write(`spillway-agent: ${text}\n`);
  process.exit(isFault(error) && forAPerson.has(error.code) ? 2 : 1);
});
