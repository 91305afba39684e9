/** Those who never get in. */
import { clusterName } from '@spillway/core';
import {
  issueCertificate,
  newKey,
  peerIdOf,
  type PrivateKey,
  type PublicKey,
} from '@spillway/mesh';
import type { Federation } from '../federation/federation.ts';
import { dayMs, difference, type Finding, refusalsOf, victimOf } from './attacked.ts';
import { Rogue } from './rogue.ts';

export async function atTheDoor(
  federation: Federation,
  say: (text: string) => void,
): Promise<readonly Finding[]> {
  const { root } = federation;
  const target = victimOf(federation);
  const otherRoot = await newKey();
  const now = Date.now();
  const certify = async (by: PrivateKey, key: PrivateKey, expiresMs: number) =>
    await issueCertificate(by, {
      cluster: clusterName('mallory'),
      peer: peerIdOf(key.publicKey),
      attributes: {},
      notBeforeMs: now - dayMs,
      expiresMs,
    });
  const good = now + dayMs;
  const kinds: readonly StrangerKind[] = [
    { stranger: 'no certificate, plain Noise', certificate: async () => undefined },
    {
      stranger: 'another federation’s greeting',
      certificate: async (key) => await certify(root, key, good),
      greets: otherRoot.publicKey,
      reason: 'does not know the federation',
    },
    {
      stranger: 'no certificate shown',
      certificate: async () => new Uint8Array(),
      reason: 'certificate is malformed',
    },
    {
      stranger: 'another federation’s',
      certificate: async (key) => await certify(otherRoot, key, good),
      reason: 'certificate is wrong federation',
    },
    {
      stranger: 'expired certificate',
      certificate: async (key) => await certify(root, key, now - 1_000),
      reason: 'certificate is expired',
    },
    {
      stranger: 'someone else’s',
      certificate: async () => await certify(root, await newKey(), good),
      reason: 'certificate is wrong key',
    },
    {
      stranger: 'tampered certificate',
      certificate: async (key) => flipped(await certify(root, key, good)),
      reason: 'certificate is tampered',
    },
  ];
  const findings: Finding[] = [];
  for (const { stranger, certificate, greets, reason } of kinds) {
    const key = await newKey();
    const before = await refusalsOf(target);
    const rogue = await Rogue.start({
      key,
      certificate: await certificate(key),
      root: root.publicKey,
      ...(greets !== undefined && { greets }),
    });
    const connected = await rogue.connects(target.meshAddress);
    await rogue.stop();
    const counted = difference(before, await refusalsOf(target));
    // What is refused for another reason shows nothing.
    const rightly = reason === undefined || (counted[`connection: ${reason}`] ?? 0) > 0;
    const refused = !connected && rightly && rogue.heard.length === 0;
    findings.push({ stranger, refused, counted });
    say(`  ${stranger}: ${connected ? 'CONNECTED' : 'refused'}`);
  }
  return findings;
}

interface StrangerKind {
  readonly stranger: string;
  readonly certificate: (key: PrivateKey) => Promise<Uint8Array | undefined>;
  readonly greets?: PublicKey;
  /** What the agent must count it as. */
  readonly reason?: string;
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}
