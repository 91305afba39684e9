import { beforeAll, describe, expect, test } from 'vitest';
import { greetingBytes, greetingFor, knowsFederation } from './greeting.ts';
import { newKey, type PublicKey } from './identity/keys.ts';

let root: PublicKey;

beforeAll(async () => {
  root = (await newKey()).publicKey;
});

describe('greeting', () => {
  test('shows that its sender knows the federation', () => {
    const greeting = greetingFor(root);
    expect(greeting).toHaveLength(greetingBytes);
    expect(knowsFederation(greeting, root)).toBe(true);
  });

  test('of another federation is not taken', async () => {
    const { publicKey } = await newKey();
    expect(knowsFederation(greetingFor(publicKey), root)).toBe(false);
  });

  test('with any bit changed is not taken', () => {
    const greeting = greetingFor(root);
    for (let bit = 0; bit < greetingBytes * 8; bit++) {
      const changed = Uint8Array.from(greeting);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(knowsFederation(changed, root)).toBe(false);
    }
  });

  test('is another one each time', () => {
    expect(greetingFor(root)).not.toEqual(greetingFor(root));
  });
});
