/**
 * Floods from the address that members come from, as from a site behind one NAT. Each participant is a
 * process of its own on loopback. `npm run drill -- strangers` measures what a flood costs.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { newKey, privateKeyText } from './identity/keys.ts';
import type { FloodConfig, FloodCount, FloodKind } from './testing/flood-process.ts';
import { RunningMember } from './testing/running-member.ts';

const soon = { timeout: 30_000, interval: 50 };
/** As docs/security.md promises for floods of these rates. */
const boundMs = 60_000;
const calls = 50;
const floodProgram = fileURLToPath(new URL('testing/flood-process.ts', import.meta.url));

let root: string;
let lyon: RunningMember;
let bern: RunningMember;
let target: string;
let flood: ChildProcess | undefined;
let latecomer: RunningMember | undefined;

function member(name: string, bootstrap: readonly string[]): RunningMember {
  return new RunningMember({
    name,
    root,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    bootstrap,
  });
}

async function reaches(each: RunningMember, name: string, timeout: number): Promise<void> {
  await vi.waitFor(
    async () => expect((await each.look()).paths).toMatchObject({ [name]: 'direct' }),
    { ...soon, timeout },
  );
}

beforeAll(async () => {
  root = privateKeyText(await newKey());
  lyon = member('lyon', []);
  [target = ''] = (await lyon.look()).addresses;
  bern = member('bern', [target]);
  await reaches(bern, 'lyon', soon.timeout);
  await vi.waitFor(async () => expect((await bern.look()).heard).toContain('lyon'), soon);
});

afterEach(async () => {
  await latecomer?.kill();
  flood?.kill('SIGKILL');
  if (flood !== undefined) await once(flood, 'exit');
  flood = undefined;
});

afterAll(async () => {
  await Promise.all([lyon?.kill(), bern?.kill()]);
});

function startFlood(kind: FloodKind, perSecond: number): void {
  const config: FloodConfig = { kind, target: target.replace(/\/p2p\/.*/, ''), perSecond, root };
  flood = fork(floodProgram, [JSON.stringify(config)], {
    execArgv: ['--conditions=spillway-source'],
  });
}

async function counted(): Promise<FloodCount> {
  const running = flood;
  if (running === undefined) throw new Error('there is no flood');
  const answer = once(running, 'message') as Promise<[FloodCount]>;
  running.send('count');
  return (await answer)[0];
}

describe('a flood from the address of members', () => {
  test.each([
    ['silent', 500],
    ['rubbish', 500],
    ['halfway', 500],
    ['strange', 100],
    ['insider', 100],
  ] as const)(
    '%s, %i connections a second › one that comes meanwhile gets in, those connected go on',
    async (kind, perSecond) => {
      startFlood(kind, perSecond);
      // More than there are places.
      await expect.poll(async () => (await counted()).opened, soon).toBeGreaterThan(600);
      latecomer = member(`late-${kind}`, [target]);
      await reaches(latecomer, 'lyon', boundMs);
      const during = await counted();
      const { granted } = await bern.reserve('lyon', calls);
      expect(granted).toBe(calls);
      expect((await bern.look()).paths).toMatchObject({ lyon: 'direct' });
      await expect.poll(async () => (await counted()).opened, soon).toBeGreaterThan(during.opened);
    },
  );
});
