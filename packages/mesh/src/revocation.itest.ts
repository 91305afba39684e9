import { clusterName } from '@spillway/core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newKey, peerIdOf, type PrivateKey } from './identity/keys.ts';
import { signRevocation } from './identity/revocations.ts';
import {
  certificateFor,
  type MemberOptions,
  startMember,
  type TestMember,
} from './testing/federation.ts';

const soon = { timeout: 20_000, interval: 50 };
const why = { revokedMs: Date.now(), reason: 'its key was stolen' };
let root: PrivateKey;
const started: TestMember[] = [];

async function member(name: string, options: Partial<MemberOptions> = {}): Promise<TestMember> {
  const each = await startMember({ root, name, ...options });
  started.push(each);
  return each;
}

const revokedCluster = async (name: string): Promise<Uint8Array> =>
  await signRevocation(root, { ...why, revokedMs: Date.now(), cluster: clusterName(name) });

function namesOf({ mesh }: TestMember): readonly string[] {
  return mesh
    .connected()
    .map(({ cluster }) => cluster)
    .toSorted();
}

async function connected(each: TestMember, names: readonly string[]): Promise<void> {
  await expect.poll(() => namesOf(each), soon).toEqual(names.toSorted());
}

/** `lyon` in the middle: the others know only it. */
async function star(...names: string[]): Promise<{ lyon: TestMember; others: TestMember[] }> {
  const lyon = await member('lyon');
  const others: TestMember[] = [];
  for (const name of names) others.push(await member(name, { bootstrap: lyon.mesh.addresses() }));
  await connected(lyon, names);
  return { lyon, others };
}

beforeAll(async () => {
  root = await newKey();
});

afterEach(async () => {
  await Promise.all(started.splice(0).map(({ mesh }) => mesh.stop()));
});

describe('a revocation', () => {
  test('given to one of four is known by all, and whom it names is cut off and told why', async () => {
    const { lyon, others } = await star('oslo', 'paris', 'rome');
    const [oslo, paris, rome] = others;
    // Given to oslo, which is connected with lyon alone.
    expect(await oslo?.mesh.revoke(await revokedCluster('rome'))).toMatchObject({
      added: [{ cluster: 'rome' }],
    });
    for (const each of [lyon, oslo, paris]) {
      await expect.poll(() => each?.learnt.map(({ cluster }) => cluster), soon).toEqual(['rome']);
    }
    await connected(lyon, ['oslo', 'paris']);
    expect(lyon.revokedMembers).toEqual(new Set(['rome']));
    await expect.poll(() => rome?.mesh.ownRevocation()?.reason, soon).toBe(why.reason);
    expect(rome && namesOf(rome)).toEqual([]);
  });

  test('is learnt by one that was away, as soon as it connects', async () => {
    const { lyon } = await star('paris');
    await lyon.mesh.revoke(await revokedCluster('rome'));
    const late = await member('oslo', { bootstrap: lyon.mesh.addresses() });
    await expect.poll(() => late.learnt.map(({ cluster }) => cluster), soon).toEqual(['rome']);
  });

  test('that whom it names has not heard of is shown to it when it knocks', async () => {
    const lyon = await member('lyon', { revoked: [await revokedCluster('rome')] });
    // Its certificate begins before the revocation.
    const rome = await member('rome', { bootstrap: lyon.mesh.addresses() });
    await expect.poll(() => rome.mesh.ownRevocation()?.cluster, soon).toBe('rome');
    expect(lyon.mesh.refusals()['connection: certificate is revoked']).toBeGreaterThan(0);
    expect(lyon.revokedMembers).toEqual(new Set(['rome']));
    expect(namesOf(lyon)).toEqual([]);
    expect(rome.mesh.refusals()).toEqual({});
  });

  test('known at start keeps that member alone: it listens to nobody and asks nobody', async () => {
    const { lyon } = await star();
    const revoked = [await revokedCluster('rome')];
    const rome = await member('rome', { bootstrap: lyon.mesh.addresses(), revoked });
    expect(rome.mesh.addresses()).toEqual([]);
    await rome.publish();
    expect(lyon.mesh.refusals()).toEqual({});
  });

  test('of a cluster lets it in again with a certificate that begins later, of a key never', async () => {
    const lyon = await member('lyon');
    const key = await newKey();
    await lyon.mesh.revoke(await signRevocation(root, { ...why, cluster: clusterName('rome') }));
    await lyon.mesh.revoke(await signRevocation(root, { ...why, peer: peerIdOf(key.publicKey) }));
    const hours = (n: number): number => Date.now() + n * 60 * 60 * 1000;
    // Two hours long, as the fixture makes them: this one began a minute ago in the future's eyes.
    const renewed = { name: 'rome', expiresMs: hours(2) + 1_000 };
    const stolen = await member('rome', {
      key,
      certificate: await certificateFor(root, { ...renewed, key }),
      bootstrap: lyon.mesh.addresses(),
    });
    await expect.poll(() => stolen.mesh.ownRevocation()?.peer, soon).toBe(stolen.mesh.peer);
    const fresh = await newKey();
    const again = await member('rome', {
      key: fresh,
      certificate: await certificateFor(root, { ...renewed, key: fresh }),
      bootstrap: lyon.mesh.addresses(),
    });
    await connected(lyon, ['rome']);
    expect(again.mesh.ownRevocation()).toBeUndefined();
  });

  test('not signed by our root, or rubbish, changes nothing and is counted', async () => {
    const { lyon, others } = await star('paris');
    const [paris] = others;
    const stranger = await newKey();
    const foreign = await signRevocation(stranger, { ...why, cluster: clusterName('paris') });
    const forged = Uint8Array.from(await revokedCluster('paris'));
    // The last byte is of the signature.
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    for (const [list, problem] of [
      [foreign, 'wrong federation'],
      [forged, 'tampered'],
      [Uint8Array.of(255, 255), 'malformed'],
    ] as const) {
      expect(await lyon.mesh.revoke(list)).toMatchObject({ added: [], problem });
      expect(lyon.mesh.refusals()[`revocation: list is ${problem}`]).toBe(1);
    }
    expect(lyon.revocations.size).toBe(0);
    expect(namesOf(lyon)).toEqual(['paris']);
    expect(paris?.learnt).toEqual([]);
  });

  test('adverts of a revoked member are no longer accepted, no matter which member passes them on', async () => {
    const { lyon, others } = await star('paris', 'rome');
    const [paris, rome] = others;
    // Only paris knows: lyon still passes on what rome says.
    await paris?.revocations.merge(await revokedCluster('rome'));
    await expect
      .poll(
        async () => {
          await rome?.publish();
          return paris?.mesh.refusals()['advert: certificate is revoked'];
        },
        { ...soon, interval: 300 },
      )
      .toBeGreaterThan(0);
    expect(lyon.adverts.length).toBeGreaterThan(0);
    expect(paris?.adverts).toEqual([]);
  });

  test('after revocation is passed on, however quickly they come', async () => {
    const { lyon, others } = await star('paris');
    for (let i = 0; i < 30; i++) await others[0]?.mesh.revoke(await revokedCluster(`gone-${i}`));
    await expect.poll(() => lyon.revocations.size, soon).toBe(30);
    expect(namesOf(lyon)).toEqual(['paris']);
  });
});
