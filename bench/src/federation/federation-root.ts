/** The root of a test bed's federation, and what it signs: files as `spillway federation init` and `admit` write them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterName } from '@spillway/core';
import {
  certificateText,
  issueCertificate,
  newKey,
  peerIdOf,
  type PrivateKey,
  privateKeyText,
  publicKeyText,
} from '@spillway/mesh';
import type { Cluster } from '@spillway/testbed';

export interface FederationRoot {
  readonly key: PrivateKey;
  /** Of its files; the clusters' are in folders below, by their names. */
  readonly folder: string;
}

export async function newRoot(folder: string): Promise<FederationRoot> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key = await newKey();
  writeFileSync(join(folder, 'federation.key'), privateKeyText(key), { mode: 0o600 });
  writeFileSync(join(folder, 'federation.pub'), publicKeyText(key.publicKey));
  return { key, folder };
}

/** The folder with a cluster's peer.key, membership.cert and federation.pub. */
export async function admit(
  root: FederationRoot,
  cluster: Cluster,
  options: {
    readonly validMs: number;
    readonly attributes?: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const folder = join(root.folder, cluster.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key = await newKey();
  const now = Date.now();
  const certificate = await issueCertificate(root.key, {
    cluster: clusterName(cluster.name),
    peer: peerIdOf(key.publicKey),
    attributes: {
      ...(cluster.spec.city !== undefined && { city: cluster.spec.city }),
      ...options.attributes,
    },
    notBeforeMs: now - 60_000,
    expiresMs: now + options.validMs,
  });
  writeFileSync(join(folder, 'peer.key'), privateKeyText(key), { mode: 0o600 });
  writeFileSync(join(folder, 'membership.cert'), certificateText(certificate));
  writeFileSync(join(folder, 'federation.pub'), publicKeyText(root.key.publicKey));
  return folder;
}
