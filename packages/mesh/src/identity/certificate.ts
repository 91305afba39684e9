/**
 * Membership certificates: the federation's root, offline, says that a peer key is a cluster. Checked
 * locally by everyone; nobody has to be asked.
 *
 * Own format and not X.509: one signature by one root, no chains, no extensions, nothing to
 * misconfigure; libp2p's keys sign libp2p's peers.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type ClusterName, Fault, type PeerId } from '@spillway/core';
import type { Member } from '@spillway/federation';
import {
  decodeCertificate,
  encodeCertificate,
  encodeClaims,
  type MembershipClaims,
} from '@spillway/wire';
import { fromArmour, toArmour } from './armour.ts';
import type { PrivateKey, PublicKey } from './keys.ts';

export { attributeBounds } from '@spillway/wire';

const label = 'SPILLWAY MEMBERSHIP CERTIFICATE';
/** Separates these signatures from all others that a key of ours may make. */
const domain = Buffer.from('spillway membership v1\0');
/** How much a verifier's clock may lag behind the root's when a certificate is new. */
const clockSkewMsMax = 5 * 60_000;

export type CertificateProblem =
  | 'malformed'
  | 'tampered'
  | 'wrong federation'
  | 'wrong key'
  | 'not yet valid'
  | 'expired'
  | 'revoked';

export interface Membership extends Member {
  /** Of its certificate, hex. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
}

/** @throws Fault `InvalidInput` or `InvalidId` when an agent could not read what would be signed. */
export async function issueCertificate(
  root: PrivateKey,
  options: {
    readonly cluster: ClusterName;
    readonly peer: PeerId;
    readonly attributes: Readonly<Record<string, string>>;
    readonly notBeforeMs: number;
    readonly expiresMs: number;
  },
): Promise<Uint8Array> {
  if (options.expiresMs <= options.notBeforeMs) {
    throw new Fault('InvalidInput', 'certificate: it would expire before it begins');
  }
  if (![options.notBeforeMs, options.expiresMs].every(Number.isSafeInteger))
    throw new Fault('InvalidInput', 'certificate: its dates are no whole milliseconds');
  const federationId = federationIdOf(root.publicKey);
  const claims = encodeClaims({ ...options, federationId, serial: randomBytes(16) });
  const certificate = encodeCertificate(claims, await root.sign(signedBytes(claims)));
  decodeCertificate(certificate);
  return certificate;
}

/** The member that `certificate` proves `peer` to be, or what is wrong with it; revocations apart. */
export async function verifyCertificate(
  certificate: Uint8Array,
  options: { readonly root: PublicKey; readonly peer: PeerId; readonly nowMs: number },
): Promise<Membership | CertificateProblem> {
  let signed: ReturnType<typeof decodeCertificate>;
  try {
    signed = decodeCertificate(certificate);
  } catch {
    return 'malformed';
  }
  const { claims, claimsBytes, signature } = signed;
  if (!federationIdOf(options.root).equals(claims.federationId)) return 'wrong federation';
  if (!(await verified(options.root, claimsBytes, signature))) return 'tampered';
  if (claims.peer !== options.peer) return 'wrong key';
  if (claims.notBeforeMs > options.nowMs + clockSkewMsMax) return 'not yet valid';
  if (claims.expiresMs <= options.nowMs) return 'expired';
  const { cluster, peer, attributes, notBeforeMs, expiresMs } = claims;
  const serial = Buffer.from(claims.serial).toString('hex');
  return { cluster, peer, attributes, serial, notBeforeMs, expiresMs };
}

/** What a certificate says, unverified: for a person to look at. @throws Fault `InvalidInput` */
export function inspectCertificate(certificate: Uint8Array): MembershipClaims {
  return decodeCertificate(certificate).claims;
}

export function certificateText(certificate: Uint8Array): string {
  return toArmour(label, certificate);
}

/** @throws Fault `InvalidInput` */
export function readCertificate(text: string): Uint8Array {
  return fromArmour(label, text);
}

export function federationIdOf(root: PublicKey): Buffer {
  return createHash('sha256').update(root.raw).digest();
}

function signedBytes(claims: Uint8Array): Uint8Array {
  return Buffer.concat([domain, claims]);
}

async function verified(
  root: PublicKey,
  claims: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    return await root.verify(signedBytes(claims), signature);
  } catch {
    return false;
  }
}
