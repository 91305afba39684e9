/** Checks every input, then looks at what the folder holds, then signs, then writes. */
import { type ClusterName, clusterName, Fault, type PeerId } from '@spillway/core';
import {
  certificateText,
  ed25519PeerId,
  federationIdOf,
  issueCertificate,
  newKey,
  peerIdOf,
  type PrivateKey,
  privateKeyText,
  type PublicKey,
  publicKeyText,
} from '@spillway/mesh';
import type { AdmitOptions } from '../commands/federation.ts';
import { print } from '../output/format.ts';
import { parseAttributes } from './attributes.ts';
import { withFolderLocked } from './folder-lock.ts';
import {
  checkNoRoot,
  type IdentityFolder,
  identityPaths,
  readIdentityFolder,
  shortFederation,
  shortFederationOf,
} from './identity-folder.ts';
import { checkKeyFolder, makeKeyFolder, modeText } from './key-folder.ts';
import { isReadableToOthers, readRootKey } from './read-keys.ts';
import { parseDays } from './validity.ts';
import { checkReplaceable, writeFiles } from './write-files.ts';

/** Signs a certificate. @throws Fault naming the option or the file that is wrong. */
export async function admit(options: AdmitOptions): Promise<void> {
  const cluster = clusterName(options.cluster);
  const attributes = parseAttributes(options.attribute);
  const validMs = parseDays(options.days);
  const given = options.peer === undefined ? undefined : ed25519PeerId(options.peer);
  const root = readRootKey(options.root);
  checkKeyFolder(options.out);
  const paths = identityPaths(options.out);
  for (const file of Object.values(paths)) checkReplaceable(file);
  const now = Date.now();
  const issue = (peer: PeerId): Promise<Uint8Array> =>
    issueCertificate(root, {
      cluster,
      peer,
      attributes,
      notBeforeMs: now,
      expiresMs: now + validMs,
    });
  // What is too long in all is refused before there is a folder.
  await issue(peerIdOf(root.publicKey));
  checkNoRoot(options.out);
  makeKeyFolder(options.out);
  await withFolderLocked(options.out, async () => {
    const there = readIdentityFolder(options.out);
    const replaced = replacedBy(cluster, root.publicKey, there);
    if (replaced !== undefined) said(options, replaced);
    const key = given === undefined ? await keyFor(cluster, there) : undefined;
    if (given !== undefined) checkNoOtherKey(options.out, given, there);
    if (key !== undefined && key === there.key?.key) noteMode(paths.key, there.key.mode);
    const certificate = await issue(given ?? peerIdOf((key as PrivateKey).publicKey));
    writeFiles([
      ...(key === undefined
        ? []
        : [{ file: paths.key, text: privateKeyText(key), mode: 0o600 } as const]),
      { file: paths.federation, text: publicKeyText(root.publicKey), mode: 0o644 },
      { file: paths.certificate, text: certificateText(certificate), mode: 0o644 },
    ]);
  });
  print(`${cluster} is admitted for ${Number(options.days)} days: ${paths.certificate}`);
}

/** Whose identity would be lost; undefined when it is this cluster's own, of this federation. */
function replacedBy(
  cluster: ClusterName,
  root: PublicKey,
  { certificate, federation }: IdentityFolder,
): string | undefined {
  if (certificate === 'unreadable') return 'a membership.cert that cannot be read';
  if (certificate !== undefined) {
    const { federationId, peer } = certificate;
    if (certificate.cluster !== cluster)
      return `the identity of cluster ${certificate.cluster} (peer ${peer})`;
    if (!federationIdOf(root).equals(federationId))
      return `the membership of ${cluster} in federation ${shortFederation(federationId)}`;
  }
  if (federation === 'unreadable') return 'a federation.pub that cannot be read';
  if (federation !== undefined && !federation.equals(root))
    return `the public key of federation ${shortFederationOf(federation)}`;
  return undefined;
}

/** @throws Fault `Conflict` without `--force`. */
function said({ out, force }: AdmitOptions, replaced: string): void {
  if (!force) {
    throw new Fault(
      'Conflict',
      `${out} has ${replaced}. Choose another folder, or replace that with --force.`,
    );
  }
  process.stderr.write(`${replaced} in ${out} is replaced\n`);
}

/** Two clusters must never share a key: that of another one is not taken over. */
async function keyFor(
  cluster: ClusterName,
  { key, certificate }: IdentityFolder,
): Promise<PrivateKey> {
  const anothers =
    certificate !== undefined && certificate !== 'unreadable' && certificate.cluster !== cluster;
  return key === undefined || anothers ? await newKey() : key.key;
}

/** @throws Fault `InvalidInput`: a Secret made of the folder would have a key that is not the certificate's. */
function checkNoOtherKey(out: string, peer: PeerId, { key }: IdentityFolder): void {
  if (key === undefined || peerIdOf(key.key.publicKey) === peer) return;
  throw new Fault(
    'InvalidInput',
    `--peer ${peer}: ${out} has the peer.key of another peer, ${peerIdOf(key.key.publicKey)}. Choose another folder.`,
  );
}

function noteMode(file: string, mode: number | undefined): void {
  if (!isReadableToOthers(mode)) return;
  process.stderr.write(
    `${file} was open to other users (mode ${modeText(mode)}); now it has mode 0600. If someone may have read it, admit into an empty folder\n`,
  );
}
