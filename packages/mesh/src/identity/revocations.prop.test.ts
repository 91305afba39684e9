import { clusterName, type ClusterName, peerId } from '@spillway/core';
import { revocationBounds } from '@spillway/wire';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { newKey, type PrivateKey } from './keys.ts';
import {
  inspectRevocations,
  type Revocable,
  Revocations,
  readRevocations,
  revocationsText,
  signRevocation,
} from './revocations.ts';

const clusters = ['lyon', 'oslo', 'rome'].map(clusterName);
let root: PrivateKey;
/** Lists of one, each saying something else. */
let lists: readonly Uint8Array[];

beforeAll(async () => {
  root = await newKey();
  lists = await Promise.all(
    Array.from(
      { length: 8 },
      async (_, i) =>
        await signRevocation(root, {
          revokedMs: 1_000 * (i + 1),
          reason: `r${i}`,
          ...(i % 3 === 0 && { cluster: clusters[i % clusters.length] ?? clusterName('x') }),
          ...(i % 3 === 1 && { serial: `0${i}`.repeat(16) }),
          ...(i % 3 === 2 && { peer: peerId(`peer-${i}`) }),
        }),
    ),
  );
});

async function merged(order: readonly number[]): Promise<Revocations> {
  const revocations = new Revocations(root.publicKey);
  for (const i of order) await revocations.merge(lists[i] ?? new Uint8Array());
  return revocations;
}

/** Each run checks dozens of signatures. */
const runs = { numRuns: 30 };
const orders = fc.array(fc.nat(7), { maxLength: 16 });

describe('revocations', () => {
  test('are the same set in whatever order, and however often, they come', async () => {
    await fc.assert(
      fc.asyncProperty(orders, fc.infiniteStream(fc.nat()), async (order, keys) => {
        const there = await merged(order);
        const shuffled = order
          .map((i) => [keys.next().value ?? 0, i] as const)
          .sort(([a], [b]) => a - b)
          .map(([, i]) => i);
        const back = await merged([...shuffled, ...order]);
        expect([...back.encoded()]).toEqual([...there.encoded()]);
        expect(there.size).toBe(new Set(order).size);
      }),
      runs,
    );
  });

  test('of two sets merge to their union, from either side', async () => {
    await fc.assert(
      fc.asyncProperty(orders, orders, async (a, b) => {
        const [left, right, union] = [await merged(a), await merged(b), await merged([...a, ...b])];
        const before = left.encoded();
        const { added } = await left.merge(right.encoded());
        expect(added.length).toBe(union.size - new Set(a).size);
        expect([...left.encoded()]).toEqual([...union.encoded()]);
        await right.merge(before);
        expect([...right.encoded()]).toEqual([...union.encoded()]);
        // An older list, replayed, takes nothing back.
        expect((await left.merge(before)).added).toEqual([]);
        expect(left.size).toBe(union.size);
      }),
      runs,
    );
  });

  test('never grow by a list in which a bit was flipped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(7), async (at, bit) => {
        const all = (await merged([0, 1, 2])).encoded();
        const flipped = Uint8Array.from(all);
        const index = at % flipped.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
        const revocations = new Revocations(root.publicKey);
        const { added, problem } = await revocations.merge(flipped);
        // A flip in what protobuf skips, such as an unknown field, may leave some whole.
        const whole = new Set((await merged([0, 1, 2])).all().map(({ reason }) => reason));
        expect(added.every(({ reason }) => whole.has(reason))).toBe(true);
        if (problem !== undefined) expect(revocations.size).toBe(0);
      }),
    );
  });
});

describe('a revocation', () => {
  const member = (given: Partial<Revocable> = {}): Revocable => ({
    serial: 'aa',
    peer: peerId('p'),
    cluster: clusters[0] as ClusterName,
    notBeforeMs: 500,
    ...given,
  });

  test.each([
    ['by its serial', { serial: 'aa' }, member(), member({ serial: 'bb' })],
    [
      'by its key, for good',
      { peer: peerId('p') },
      member({ notBeforeMs: 9e9 }),
      member({ peer: peerId('q') }),
    ],
    [
      'by its cluster, until then',
      { cluster: clusterName('lyon') },
      member({ notBeforeMs: 1_000, peer: peerId('q'), serial: 'bb' }),
      member({ notBeforeMs: 1_001 }),
    ],
  ])('names a certificate %s', async (_, named, hit, missed) => {
    const revocations = new Revocations(root.publicKey);
    await revocations.merge(
      await signRevocation(root, { revokedMs: 1_000, reason: 'why', ...named }),
    );
    expect(revocations.of(hit)?.reason).toBe('why');
    expect(revocations.of(missed)).toBeUndefined();
  });

  test('of a cluster counts to its latest, whichever came first', async () => {
    const at = async (revokedMs: number) =>
      await signRevocation(root, {
        revokedMs,
        reason: `${revokedMs}`,
        cluster: clusterName('lyon'),
      });
    for (const order of [
      [1_000, 2_000],
      [2_000, 1_000],
    ]) {
      const revocations = new Revocations(root.publicKey);
      for (const each of order) await revocations.merge(await at(each));
      expect(revocations.of(member({ notBeforeMs: 1_500 }))?.reason).toBe('2000');
    }
  });

  test('that names nobody, or says too much, can’t be signed', async () => {
    await expect(signRevocation(root, { revokedMs: 1, reason: '' })).rejects.toThrow(
      'a serial, a peer or a cluster',
    );
    const reason = 'x'.repeat(revocationBounds.reasonMax + 1);
    await expect(signRevocation(root, { revokedMs: 1, reason, serial: 'aa' })).rejects.toThrow(
      'revocation.reason',
    );
  });

  test('travels as text, and shows what it says', async () => {
    const list = (await merged([0, 1, 2])).encoded();
    const read = readRevocations(revocationsText(list));
    expect(
      inspectRevocations(read)
        .map(({ reason }) => reason)
        .toSorted(),
    ).toEqual(['r0', 'r1', 'r2']);
  });

  test('alone is proof enough for whom it names', async () => {
    const all = await merged([0, 1, 2, 3]);
    const [first] = all.all();
    if (first === undefined) throw new Error('none');
    const other = new Revocations(root.publicKey);
    expect((await other.merge(all.proof(first))).added).toEqual([first]);
  });

  test('beyond how many there may be is refused, and those that are known stay', async () => {
    const revocations = new Revocations(root.publicKey);
    const { revocationsMax } = revocationBounds;
    const one = async (i: number) =>
      await signRevocation(root, {
        revokedMs: i,
        reason: '',
        serial: i.toString(16).padStart(8, '0'),
      });
    for (let i = 0; i < revocationsMax; i++) await revocations.merge(await one(i));
    expect((await revocations.merge(await one(revocationsMax))).problem).toBe('full');
    expect(revocations.size).toBe(revocationsMax);
    expect(inspectRevocations(revocations.encoded())).toHaveLength(revocationsMax);
  }, 60_000);
});
