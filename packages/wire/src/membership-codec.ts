/** Membership certificates as bytes. The signature covers the encoded claims, so these are kept as they came. */
import { clusterName, type ClusterName, peerId, type PeerId } from '@spillway/core';
import {
  MembershipCertificate as CertificateMessage,
  MembershipClaims as ClaimsMessage,
} from './gen/spillway/v1/membership.ts';
import { decoded, invalid, labels, timestamp } from './validation.ts';

export const certificateBytesMax = 8 * 1024;
export const attributeBounds = Object.freeze({ entriesMax: 64, keyMax: 317, valueMax: 256 });

export interface MembershipClaims {
  /** SHA-256 of the root's public key. */
  readonly federationId: Uint8Array;
  readonly cluster: ClusterName;
  readonly peer: PeerId;
  readonly attributes: Readonly<Record<string, string>>;
  /** Ms since the Unix epoch, by the root's clock. */
  readonly notBeforeMs: number;
  readonly expiresMs: number;
  readonly serial: Uint8Array;
}

/** Signed, and not yet verified. */
export interface SignedClaims {
  readonly claims: MembershipClaims;
  readonly claimsBytes: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeClaims(claims: MembershipClaims): Uint8Array {
  return ClaimsMessage.encode({
    federationId: Buffer.from(claims.federationId),
    cluster: claims.cluster,
    peer: claims.peer,
    attributes: { ...claims.attributes },
    notBeforeMs: claims.notBeforeMs,
    expiresMs: claims.expiresMs,
    serial: Buffer.from(claims.serial),
  }).finish();
}

export function encodeCertificate(claimsBytes: Uint8Array, signature: Uint8Array): Uint8Array {
  return CertificateMessage.encode({
    claims: Buffer.from(claimsBytes),
    signature: Buffer.from(signature),
  }).finish();
}

/** @throws Fault `InvalidInput` or `InvalidId`. */
export function decodeCertificate(bytes: Uint8Array): SignedClaims {
  if (bytes.length > certificateBytesMax)
    throw invalid('certificate', `at most ${certificateBytesMax} bytes`);
  const { claims, signature } = decoded('certificate', () => CertificateMessage.decode(bytes));
  const message = decoded('certificate', () => ClaimsMessage.decode(claims));
  return {
    claims: {
      federationId: message.federationId,
      cluster: clusterName(message.cluster),
      peer: peerId(message.peer),
      attributes: labels(message.attributes, 'certificate.attributes', attributeBounds),
      notBeforeMs: timestamp(message.notBeforeMs, 'certificate.notBefore'),
      expiresMs: timestamp(message.expiresMs, 'certificate.expires'),
      serial: message.serial,
    },
    claimsBytes: claims,
    signature,
  };
}
