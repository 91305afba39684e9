import { afterAll, expect, test } from 'vitest';
import { newKey, privateKeyText } from './identity/keys.ts';
import type { MemberConfig } from './testing/member-process.ts';
import { RunningMember } from './testing/running-member.ts';

const all: RunningMember[] = [];

function start(config: Omit<MemberConfig, 'listen' | 'announce'>): RunningMember {
  const member = new RunningMember({ ...config, listen: ['/ip4/127.0.0.1/tcp/0'], announce: [] });
  all.push(member);
  return member;
}

async function until(holds: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const often = { timeout: timeoutMs, interval: 100 };
  await expect.poll(async () => await holds().catch(() => false), often).toBe(true);
}

afterAll(async () => await Promise.all(all.map((each) => each.kill())));

test('who takes the place of an agent that fell silent is heard and called within seconds', async () => {
  const root = privateKeyText(await newKey());
  const key = privateKeyText(await newKey());
  const home = start({ root, name: 'paris', bootstrap: [] });
  const [address = ''] = (await home.look()).addresses;
  const first = start({ root, name: 'lyon', key, bootstrap: [address] });
  await until(async () => (await home.look()).heard.includes('lyon'));
  expect((await home.reserve('lyon')).granted).toBe(1);
  first.freeze();
  await until(async () => !(await home.look()).heard.includes('lyon'));
  // By the pings of a lone connection its silence would be found after half a minute or more.
  expect((await home.look()).paths).toHaveProperty('lyon');
  const next = start({ root, name: 'lyon', key, epoch: 2, bootstrap: [address] });
  await until(async () => (await home.look()).heard.includes('lyon'), 15_000);
  await until(async () => (await next.look()).heard.includes('paris'), 15_000);
  expect((await home.reserve('lyon')).granted).toBe(1);
});
