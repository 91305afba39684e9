/**
 * Revocations as bytes: each one signed by itself, so that lists merge as sets. The signature covers
 * the encoded claims, so these are kept as they came.
 */
import { clusterName, type ClusterName, peerId, type PeerId } from '@spillway/core';
import {
  RevocationClaims as ClaimsMessage,
  RevocationList as ListMessage,
} from './gen/spillway/v1/revocation.ts';
import { decoded, invalid, list, text, timestamp } from './validation.ts';

export const revocationBounds = Object.freeze({
  /** Of a federation, ever: nothing takes one back. */
  revocationsMax: 512,
  reasonMax: 200,
  serialBytesMax: 64,
  /** With its signature and frame, 512 bytes: as many as there may be fill a list exactly. */
  claimsBytesMax: 440,
  signatureBytesMax: 64,
  /** Fits into a ConfigMap, as text, with room to spare. */
  listBytesMax: 256 * 1024,
});

export interface RevocationClaims {
  /** SHA-256 of the root's public key. */
  readonly federationId: Uint8Array;
  /** Ms since the Unix epoch, by the root's clock. */
  readonly revokedMs: number;
  readonly reason: string;
  /** At least one of these; any of them names a certificate. */
  readonly serial?: Uint8Array;
  readonly peer?: PeerId;
  /** Certificates that begin later than `revokedMs` are not meant. */
  readonly cluster?: ClusterName;
}

/** Signed, and not yet verified. */
export interface SignedRevocation {
  readonly claims: RevocationClaims;
  readonly claimsBytes: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeRevocationClaims(claims: RevocationClaims): Uint8Array {
  return ClaimsMessage.encode({
    federationId: Buffer.from(claims.federationId),
    revokedMs: claims.revokedMs,
    reason: claims.reason,
    serial: Buffer.from(claims.serial ?? []),
    peer: claims.peer ?? '',
    cluster: claims.cluster ?? '',
  }).finish();
}

export function encodeRevocationList(
  revocations: readonly Pick<SignedRevocation, 'claimsBytes' | 'signature'>[],
): Uint8Array {
  return ListMessage.encode({
    revocations: revocations.map(({ claimsBytes, signature }) => ({
      claims: Buffer.from(claimsBytes),
      signature: Buffer.from(signature),
    })),
  }).finish();
}

/** @throws Fault `InvalidInput` or `InvalidId` when any revocation in it is malformed or beyond its bounds. */
export function decodeRevocationList(bytes: Uint8Array): readonly SignedRevocation[] {
  const { listBytesMax, revocationsMax, claimsBytesMax, signatureBytesMax } = revocationBounds;
  if (bytes.length > listBytesMax) throw invalid('revocations', `at most ${listBytesMax} bytes`);
  const { revocations } = decoded('revocations', () => ListMessage.decode(bytes));
  return list(revocations, 'revocations', revocationsMax).map(({ claims, signature }) => {
    if (claims.length > claimsBytesMax)
      throw invalid('revocation.claims', `at most ${claimsBytesMax} bytes`);
    if (signature.length > signatureBytesMax)
      throw invalid('revocation.signature', `at most ${signatureBytesMax} bytes`);
    return { claims: claimsOf(claims), claimsBytes: claims, signature };
  });
}

function claimsOf(bytes: Uint8Array): RevocationClaims {
  const message = decoded('revocation', () => ClaimsMessage.decode(bytes));
  const { federationId, serial, peer, cluster } = message;
  if (serial.length === 0 && peer === '' && cluster === '')
    throw invalid('revocation', 'a serial, a peer or a cluster');
  const { serialBytesMax, reasonMax } = revocationBounds;
  if (serial.length > serialBytesMax)
    throw invalid('revocation.serial', `at most ${serialBytesMax} bytes`);
  return {
    federationId,
    revokedMs: timestamp(message.revokedMs, 'revocation.revokedMs'),
    reason: text(message.reason, 'revocation.reason', reasonMax),
    ...(serial.length > 0 && { serial }),
    ...(peer !== '' && { peer: peerId(peer) }),
    ...(cluster !== '' && { cluster: clusterName(cluster) }),
  };
}
