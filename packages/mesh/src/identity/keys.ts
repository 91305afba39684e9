/** Ed25519 keys: the federation's root, kept offline, and one per cluster. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import {
  generateKeyPair,
  privateKeyFromProtobuf,
  privateKeyToProtobuf,
  publicKeyFromProtobuf,
  publicKeyToProtobuf,
} from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey, Ed25519PublicKey } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { Fault, type PeerId, peerId } from '@spillway/core';
import { fromArmour, toArmour } from './armour.ts';

export type PrivateKey = Ed25519PrivateKey;
export type PublicKey = Ed25519PublicKey;

const privateLabel = 'SPILLWAY PRIVATE KEY';
const publicLabel = 'SPILLWAY PUBLIC KEY';
/** What comes before an Ed25519 seed in PKCS #8 (RFC 8410). */
const pkcs8Ed25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

export async function newKey(): Promise<PrivateKey> {
  return await generateKeyPair('Ed25519');
}

export function privateKeyText(key: PrivateKey): string {
  return toArmour(privateLabel, privateKeyToProtobuf(key));
}

/** @throws Fault `InvalidInput` */
export function readPrivateKey(text: string): PrivateKey {
  const key = parsed(() => privateKeyFromProtobuf(fromArmour(privateLabel, text)));
  if (key.type !== 'Ed25519') throw new Fault('InvalidInput', 'private key: expected Ed25519');
  if (!isWhole(key)) throw new Fault('InvalidInput', 'private key: its text is damaged');
  return key;
}

export function publicKeyText(key: PublicKey): string {
  return toArmour(publicLabel, publicKeyToProtobuf(key));
}

/** @throws Fault `InvalidInput` */
export function readPublicKey(text: string): PublicKey {
  const key = parsed(() => publicKeyFromProtobuf(fromArmour(publicLabel, text)));
  if (key.type !== 'Ed25519') throw new Fault('InvalidInput', 'public key: expected Ed25519');
  return key;
}

export function peerIdOf(key: PublicKey): PeerId {
  return peerId(peerIdFromPublicKey(key).toString());
}

/** The first 32 bytes make the public key. Signing with another one than theirs would give the key away. */
function isWhole(key: PrivateKey): boolean {
  const der = Buffer.concat([pkcs8Ed25519, key.raw.subarray(0, 32)]);
  const owner = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return owner.export({ format: 'der', type: 'spki' }).subarray(-32).equals(key.publicKey.raw);
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault('InvalidInput', 'key: not a key in the expected encoding', { cause: error });
  }
}
