/** A member checks how it is reached, on real connections. */
import { version } from '@spillway/core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newKey, type PrivateKey } from './identity/keys.ts';
import { type MemberOptions, startMember, type TestMember } from './testing/federation.ts';

const soon = { timeout: 20_000, interval: 20 };
const deadEnd = ['/ip4/127.0.0.1/tcp/9'];
const started: TestMember[] = [];
let root: PrivateKey;

beforeAll(async () => {
  root = await newKey();
});

afterEach(async () => {
  await Promise.all(started.splice(0).map(({ mesh }) => mesh.stop()));
});

/** Connected, and each has heard where the other is. */
async function pair(lyonOptions: Partial<MemberOptions> = {}) {
  const start = async (name: string, options: Partial<MemberOptions>): Promise<TestMember> => {
    const member = await startMember({ root, name, reachable: true, ...options });
    started.push(member);
    return member;
  };
  const lyon = await start('lyon', lyonOptions);
  const paris = await start('paris', { bootstrap: lyon.mesh.addresses() });
  await expect
    .poll(async () => {
      await Promise.all([lyon.publish(), paris.publish()]);
      return Math.min(lyon.adverts.length, paris.adverts.length);
    }, soon)
    .toBeGreaterThan(0);
  return { lyon, paris };
}

describe('check', () => {
  test('finds both ways open, the same clock, and what the other says of itself', async () => {
    const { lyon, paris } = await pair();
    const found = await paris.mesh.check(lyon.mesh.member);
    expect(found).toMatchObject({
      there: { ok: true, rttMs: expect.any(Number) },
      back: { ok: true, rttMs: expect.any(Number) },
      version,
      guests: 3,
    });
    expect(Math.abs(found.clockAheadMs ?? Number.NaN)).toBeLessThan(1_000);
  });

  test('closes the connections that it opened, and no other', async () => {
    const { lyon, paris } = await pair();
    await paris.mesh.check(lyon.mesh.member);
    expect(paris.mesh.connected().map(({ cluster }) => cluster)).toEqual(['lyon']);
    expect((await paris.mesh.check(lyon.mesh.member)).back).toMatchObject({ ok: true });
  });

  test('finds the way that is shut, and says where it was tried', async () => {
    const { lyon, paris } = await pair();
    const heard = paris.adverts.length;
    await lyon.publish({}, deadEnd);
    await expect.poll(() => paris.adverts.length, soon).toBeGreaterThan(heard);
    const found = await paris.mesh.check(lyon.mesh.member);
    expect(found.there).toMatchObject({ ok: false, problem: expect.stringContaining('tcp/9') });
    expect(found.back).toMatchObject({ ok: true });
    const other = await lyon.mesh.check(paris.mesh.member);
    expect(other.there).toMatchObject({ ok: true });
    expect(other.back).toMatchObject({ ok: false, problem: expect.stringContaining('tcp/9') });
  });

  test.each([90_000, -240_000])('finds a clock that is %d ms ahead', async (clockAheadMs) => {
    const { lyon, paris } = await pair({ clockAheadMs });
    const found = await paris.mesh.check(lyon.mesh.member);
    expect(Math.abs((found.clockAheadMs ?? 0) - clockAheadMs)).toBeLessThan(1_000);
  });

  test('says so when the other does not answer', async () => {
    const { lyon, paris } = await pair();
    const { member } = lyon.mesh;
    await lyon.mesh.stop();
    const found = await paris.mesh.check(member);
    expect(found.there.ok).toBe(false);
    expect(found).toMatchObject({ back: undefined, problem: expect.stringMatching(/./) });
  });
});
