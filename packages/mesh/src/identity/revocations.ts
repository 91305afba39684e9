/**
 * What the federation's root has revoked: a set that only grows. Every revocation is signed by itself, so
 * sets merge by union, in any order, from any sender. A list that is old, replayed or cut short can add
 * nothing that the root did not say. It can also take nothing back. See docs/adr/0019.
 *
 * Rejected: one signed list with a number, where the greater replaces the lesser. Two operators would sign
 * two lists of the same number, and so would one operator who has lost the last list. One of the lists would
 * be lost.
 */
import { createHash } from 'node:crypto';
import { type ClusterName, Fault, isFault, type PeerId } from '@spillway/core';
import {
  decodeRevocationList,
  encodeRevocationClaims,
  encodeRevocationList,
  revocationBounds,
  type SignedRevocation,
} from '@spillway/wire';
import { fromArmour, toArmour } from './armour.ts';
import { federationIdOf, type Membership } from './certificate.ts';
import type { PrivateKey, PublicKey } from './keys.ts';

const label = 'SPILLWAY REVOCATION LIST';
/** Separates these signatures from all others that the root makes. */
const domain = Buffer.from('spillway revocation v1\0');

/** Whom the root names: any one of these that is given. */
export interface Revoked {
  /** Hex: this one certificate. */
  readonly serial?: string;
  /** Every certificate of this key, for good. */
  readonly peer?: PeerId;
  /** Every certificate of this cluster that began no later than the revocation: a later one re-admits it. */
  readonly cluster?: ClusterName;
}

export interface Revocation extends Revoked {
  /** Ms since the Unix epoch, by the root's clock. */
  readonly revokedMs: number;
  readonly reason: string;
}

export type RevocationProblem =
  | 'malformed'
  | 'wrong federation'
  | 'tampered'
  /** It would be more than `revocationBounds.revocationsMax`. */
  | 'full';

export interface MergeResult {
  /** What was not known before; empty when there is a problem. */
  readonly added: readonly Revocation[];
  readonly problem?: RevocationProblem;
  readonly detail?: string;
}

/** What decides whether a certificate is revoked. */
export type Revocable = Pick<Membership, 'serial' | 'peer' | 'cluster' | 'notBeforeMs'>;

/** A list of one. @throws Fault `InvalidInput` when nobody is named or the reason is too long. */
export async function signRevocation(
  root: PrivateKey,
  { serial, ...revocation }: Revocation,
): Promise<Uint8Array> {
  const claimsBytes = encodeRevocationClaims({
    ...revocation,
    federationId: federationIdOf(root.publicKey),
    ...(serial !== undefined && { serial: Buffer.from(serial, 'hex') }),
  });
  const list = encodeRevocationList([
    { claimsBytes, signature: await root.sign(signedBytes(claimsBytes)) },
  ]);
  decodeRevocationList(list);
  return list;
}

export class Revocations {
  readonly #root: PublicKey;
  readonly #federationId: Buffer;
  /** By the hash of what was signed: a signature can be made again, a statement stays the same. */
  readonly #known = new Map<string, SignedRevocation>();
  readonly #bySerial = new Map<string, Revocation>();
  readonly #byPeer = new Map<PeerId, Revocation>();
  /** The latest of each cluster. */
  readonly #byCluster = new Map<ClusterName, Revocation>();

  constructor(root: PublicKey) {
    this.#root = root;
    this.#federationId = federationIdOf(root);
  }

  get size(): number {
    return this.#known.size;
  }

  all(): readonly Revocation[] {
    return [...this.#known.values()].map(revocationOf);
  }

  /** In an order of their own, so that equal sets are equal bytes. */
  encoded(): Uint8Array {
    return encodeRevocationList(sorted(this.#known));
  }

  /** All of `list` or, if anything in it is not our root's, nothing. Costs a signature check per new one. */
  async merge(list: Uint8Array): Promise<MergeResult> {
    let signed: readonly SignedRevocation[];
    try {
      signed = decodeRevocationList(list);
    } catch (error) {
      const detail = isFault(error) ? error.message : String(error);
      return { added: [], problem: 'malformed', detail };
    }
    const fresh = new Map<string, SignedRevocation>();
    for (const each of signed) {
      const id = idOf(each);
      if (this.#known.has(id) || fresh.has(id)) continue;
      if (!this.#federationId.equals(each.claims.federationId))
        return { added: [], problem: 'wrong federation' };
      if (!(await this.#verified(each))) return { added: [], problem: 'tampered' };
      fresh.set(id, each);
    }
    // Another list may have been merged while signatures were checked.
    for (const id of fresh.keys()) if (this.#known.has(id)) fresh.delete(id);
    if (this.#known.size + fresh.size > revocationBounds.revocationsMax)
      return { added: [], problem: 'full' };
    for (const [id, each] of fresh) this.#add(id, each);
    return { added: [...fresh.values()].map(revocationOf) };
  }

  /** What revokes this certificate, if anything does. O(1). */
  of({ serial, peer, cluster, notBeforeMs }: Revocable): Revocation | undefined {
    const named = this.#byCluster.get(cluster);
    return (
      this.#bySerial.get(serial) ??
      this.#byPeer.get(peer) ??
      (named !== undefined && notBeforeMs <= named.revokedMs ? named : undefined)
    );
  }

  /** What revokes a cluster of which no certificate is known any more. */
  ofCluster(cluster: ClusterName): Revocation | undefined {
    return this.#byCluster.get(cluster);
  }

  /** `revocation` alone, as a list: for whom it concerns to check. */
  proof(revocation: Revocation): Uint8Array {
    return encodeRevocationList(
      [...this.#known.values()]
        .filter((each) => isSame(revocationOf(each), revocation))
        .slice(0, 1),
    );
  }

  #add(id: string, signed: SignedRevocation): void {
    this.#known.set(id, signed);
    const revocation = revocationOf(signed);
    const { serial, peer, cluster, revokedMs } = revocation;
    if (serial !== undefined) this.#bySerial.set(serial, revocation);
    if (peer !== undefined) this.#byPeer.set(peer, revocation);
    if (cluster !== undefined && revokedMs >= (this.#byCluster.get(cluster)?.revokedMs ?? 0))
      this.#byCluster.set(cluster, revocation);
  }

  async #verified({ claimsBytes, signature }: SignedRevocation): Promise<boolean> {
    try {
      return await this.#root.verify(signedBytes(claimsBytes), signature);
    } catch {
      return false;
    }
  }
}

export function revocationsText(list: Uint8Array): string {
  return toArmour(label, list);
}

export function isRevocations(text: string): boolean {
  return text.includes(`-----BEGIN ${label}-----`);
}

/** @throws Fault `InvalidInput` */
export function readRevocations(text: string): Uint8Array {
  return fromArmour(label, text);
}

/** What a list says, unverified: for a person to look at. @throws Fault `InvalidInput` */
export function inspectRevocations(
  list: Uint8Array,
): readonly (Revocation & { readonly federationId: Uint8Array })[] {
  return decodeRevocationList(list).map((signed) => ({
    ...revocationOf(signed),
    federationId: signed.claims.federationId,
  }));
}

/** `a` and `b` as one. @throws Fault `InvalidInput` when they are not both of `root`, or too many. */
export async function mergedRevocations(
  root: PublicKey,
  lists: readonly Uint8Array[],
): Promise<Revocations> {
  const revocations = new Revocations(root);
  for (const list of lists) {
    const { problem } = await revocations.merge(list);
    if (problem !== undefined) throw new Fault('InvalidInput', `revocation list: it is ${problem}`);
  }
  return revocations;
}

function revocationOf({ claims }: SignedRevocation): Revocation {
  const { revokedMs, reason, serial, peer, cluster } = claims;
  return {
    revokedMs,
    reason,
    ...(serial !== undefined && { serial: Buffer.from(serial).toString('hex') }),
    ...(peer !== undefined && { peer }),
    ...(cluster !== undefined && { cluster }),
  };
}

function isSame(a: Revocation, b: Revocation): boolean {
  return (
    a.revokedMs === b.revokedMs &&
    a.serial === b.serial &&
    a.peer === b.peer &&
    a.cluster === b.cluster
  );
}

function idOf({ claimsBytes }: SignedRevocation): string {
  return createHash('sha256').update(claimsBytes).digest('hex');
}

function sorted(known: ReadonlyMap<string, SignedRevocation>): readonly SignedRevocation[] {
  return [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, signed]) => signed);
}

function signedBytes(claims: Uint8Array): Uint8Array {
  return Buffer.concat([domain, claims]);
}
