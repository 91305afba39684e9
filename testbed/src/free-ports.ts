import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { Fault } from '@spillway/core';

/**
 * Below the ports that systems give to outgoing connections (Linux 32768 and up, others 49152 and up). Such
 * a connection could take the port of a component that is being restarted. If it dials a component that is
 * down, it could even connect to itself.
 */
const portMin = 10_000;
const portMax = 32_000;
const triesMax = 1_000;

/** What this process was given lately, and may not have opened yet. */
const given = new Set<number>();
const givenMax = 5_000;

/**
 * `count` different ports of 127.0.0.1 that were free a moment ago; never one twice.
 *
 * @throws Fault `ResourceExhausted` when too few are free.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries === triesMax + count) {
      throw new Fault('ResourceExhausted', `no ${count} free ports of 127.0.0.1`);
    }
    const port = randomInt(portMin, portMax);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) ports.push(port);
  }
  if (given.size > givenMax) given.clear();
  return ports;
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
