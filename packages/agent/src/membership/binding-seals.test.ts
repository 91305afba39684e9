import { type ClusterName, type Pod, type PodUid, wellKnown } from '@spillway/core';
import { newKey } from '@spillway/mesh';
import { describe, expect, test } from 'vitest';
import { bindingSeals } from './binding-seals.ts';

const [paris, lyon, madrid] = ['paris', 'lyon', 'madrid'] as ClusterName[] as [
  ClusterName,
  ClusterName,
  ClusterName,
];
const uid = '4711' as PodUid;
const key = await newKey();
const sealed = (seal: string, podUid: PodUid = uid): Pod => ({
  metadata: { name: 'a', uid: podUid, annotations: { [wellKnown.boundByAnnotation]: seal } },
  spec: { containers: [] },
});

describe('a binding’s seal', () => {
  const seals = bindingSeals(paris, key);

  test('holds for its own pod and host, also for the next agent with the same identity', () => {
    expect(bindingSeals(paris, key).holds(sealed(seals.seal(uid, lyon)), lyon)).toBe(true);
  });

  test('does not hold for another pod, another host, another home, or another identity', async () => {
    const seal = seals.seal(uid, lyon);
    expect(seals.holds(sealed(seal, '4712' as PodUid), lyon)).toBe(false);
    expect(seals.holds(sealed(seal), madrid)).toBe(false);
    expect(bindingSeals(madrid, key).holds(sealed(seal), lyon)).toBe(false);
    expect(bindingSeals(paris, await newKey()).holds(sealed(seal), lyon)).toBe(false);
  });

  test('does not hold when it is missing, cut short, or prolonged', () => {
    const seal = seals.seal(uid, lyon);
    const unsealed: Pod = { metadata: { name: 'a', uid }, spec: { containers: [] } };
    expect(seals.holds(unsealed, lyon)).toBe(false);
    expect(seals.holds(sealed(seal.slice(1)), lyon)).toBe(false);
    expect(seals.holds(sealed(`${seal}A`), lyon)).toBe(false);
  });
});
