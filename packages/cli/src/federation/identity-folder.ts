/** What lies in the folder of a cluster: its key, its certificate, the public key of its federation. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, isFault } from '@spillway/core';
import {
  federationIdOf,
  inspectCertificate,
  type PrivateKey,
  type PublicKey,
  readCertificate,
  readIdentityFile,
  readPrivateKey,
  readPublicKey,
} from '@spillway/mesh';
import { named } from './read-keys.ts';

type Claims = ReturnType<typeof inspectCertificate>;

export interface IdentityFolder {
  readonly key?: { readonly key: PrivateKey; readonly mode: number | undefined };
  readonly certificate?: Claims | 'unreadable';
  readonly federation?: PublicKey | 'unreadable';
}

export interface IdentityPaths {
  readonly key: string;
  readonly certificate: string;
  readonly federation: string;
}

export function identityPaths(folder: string): IdentityPaths {
  return {
    key: join(folder, 'peer.key'),
    certificate: join(folder, 'membership.cert'),
    federation: join(folder, 'federation.pub'),
  };
}

/** @throws Fault when the key is damaged: signing another one would hide that it is lost. */
export function readIdentityFolder(folder: string): IdentityFolder {
  const paths = identityPaths(folder);
  const key = whenThere(paths.key, () => {
    const { text, mode } = readIdentityFile(paths.key);
    return { key: named(paths.key, () => readPrivateKey(text)), mode };
  });
  const certificate = whenThere(paths.certificate, () =>
    orUnreadable(() =>
      inspectCertificate(readCertificate(readIdentityFile(paths.certificate).text)),
    ),
  );
  const federation = whenThere(paths.federation, () =>
    orUnreadable(() => readPublicKey(readIdentityFile(paths.federation).text)),
  );
  return {
    ...(key !== undefined && { key }),
    ...(certificate !== undefined && { certificate }),
    ...(federation !== undefined && { federation }),
  };
}

/** The folder of an identity goes into a Secret: a root key must never lie there. */
export function checkNoRoot(folder: string): void {
  const file = join(folder, 'federation.key');
  if (!existsSync(file)) return;
  throw new Fault(
    'InvalidInput',
    `${file} is a root key, and this folder goes into a Secret of a cluster. Choose another folder.`,
  );
}

export function checkNoIdentity(folder: string): void {
  for (const file of Object.values(identityPaths(folder)).slice(0, 2)) {
    if (!existsSync(file)) continue;
    throw new Fault(
      'InvalidInput',
      `${file} is a cluster's: its folder goes into a Secret. Choose another folder for the root key.`,
    );
  }
}

export function shortFederation(id: Uint8Array): string {
  return Buffer.from(id).toString('hex').slice(0, 16);
}

export function shortFederationOf(root: PublicKey): string {
  return shortFederation(federationIdOf(root));
}

function whenThere<T>(file: string, read: () => T): T | undefined {
  return existsSync(file) ? read() : undefined;
}

function orUnreadable<T>(read: () => T): T | 'unreadable' {
  try {
    return read();
  } catch (error) {
    if (isFault(error, 'PermissionDenied')) throw error;
    return 'unreadable';
  }
}
