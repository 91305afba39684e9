/**
 * A self-signed certificate as DER (RFC 5280): Node reads X.509 and cannot write it, and of all of it these
 * few fields are needed. Keys and signatures are the caller's, so that nothing here needs a platform.
 */
import { assert } from './assert.ts';

export interface CertificateClaims {
  readonly commonName: string;
  /** To Kubernetes, a group of the user that the common name names. */
  readonly organization?: string;
  readonly usage: 'server' | 'client';
  /** ISO 8601 in UTC, as `Date` writes it. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Positive, and no two alike: the highest byte is 1 to 127. */
  readonly serial: Uint8Array;
  /** SubjectPublicKeyInfo, of a key on P-256. */
  readonly publicKey: Uint8Array;
}

/** What is to be signed with ECDSA and SHA-256. */
export function claimsDer(claims: CertificateClaims): Uint8Array {
  const { organization, commonName } = claims;
  const name = sequence(
    ...(organization === undefined ? [] : [named(oid.organization, organization)]),
    named(oid.commonName, commonName),
  );
  const usage = der(0x04, sequence(oid[claims.usage]));
  return sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))), // version 3
    der(0x02, claims.serial),
    sequence(oid.ecdsaWithSha256),
    name,
    sequence(time(claims.notBefore), time(claims.notAfter)),
    name,
    claims.publicKey,
    der(0xa3, sequence(sequence(oid.extKeyUsage, usage))),
  );
}

/** `signature`: of `claims`, as DER. */
export function certificateDer(claims: Uint8Array, signature: Uint8Array): Uint8Array {
  const bits = der(0x03, joined([Uint8Array.of(0), signature]));
  return sequence(claims, sequence(oid.ecdsaWithSha256), bits);
}

/** Encoded whole. */
const oid = {
  commonName: Uint8Array.of(0x06, 3, 0x55, 0x04, 0x03),
  organization: Uint8Array.of(0x06, 3, 0x55, 0x04, 0x0a),
  ecdsaWithSha256: Uint8Array.of(0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02),
  extKeyUsage: Uint8Array.of(0x06, 3, 0x55, 0x1d, 0x25),
  server: Uint8Array.of(0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01),
  client: Uint8Array.of(0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02),
} as const;

function named(type: Uint8Array, value: string): Uint8Array {
  return der(0x31, sequence(type, der(0x0c, ascii(value))));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(0x30, joined(parts));
}

function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return joined([Uint8Array.of(tag, ...(length < 0x80 ? [length] : long)), content]);
}

/** To the second. RFC 5280 has the years before 2050 said with two digits, as UTCTime. */
function time(instant: string): Uint8Array {
  const text = instant.replaceAll(/[-:T]|\.\d+/g, '');
  return text < '2050' ? der(0x17, ascii(text.slice(2))) : der(0x18, ascii(text));
}

function ascii(text: string): Uint8Array {
  assert(/^[\x20-\x7e]*$/.test(text), 'the texts of a certificate are ASCII');
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
