/**
 * What a dialler says first, before any cryptography that costs something: that it knows the federation. It is no
 * secret of a member's, and proves no membership; it keeps those out who know nothing, for the price of one hash.
 * As `mac1` of WireGuard (whitepaper, section 5.4.4), with the root's public key in the place of the responder's.
 * A nonce and a code over it have no fixed bytes by which others could tell whose port this is.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PublicKey } from './identity/keys.ts';

const nonceBytes = 16;
const codeBytes = 16;
export const greetingBytes = nonceBytes + codeBytes;

const domain = 'spillway/greeting/1';

export function greetingFor(root: PublicKey): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  return Buffer.concat([nonce, codeOf(nonce, root)]);
}

/** `greeting` has `greetingBytes`. */
export function knowsFederation(greeting: Uint8Array, root: PublicKey): boolean {
  const code = codeOf(greeting.subarray(0, nonceBytes), root);
  return timingSafeEqual(code, greeting.subarray(nonceBytes));
}

function codeOf(nonce: Uint8Array, root: PublicKey): Buffer {
  const code = createHmac('sha256', root.raw).update(domain).update(nonce).digest();
  return code.subarray(0, codeBytes);
}
