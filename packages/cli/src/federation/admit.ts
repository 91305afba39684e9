import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { clusterName, Fault, type PeerId, peerId } from '@spillway/core';
import {
  certificateText,
  issueCertificate,
  newKey,
  peerIdOf,
  privateKeyText,
  publicKeyText,
  readPrivateKey,
} from '@spillway/mesh';
import type { AdmitOptions } from '../commands/federation.ts';
import { print } from '../output/format.ts';
import { read, write } from './files.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** Signs a certificate. @throws Fault naming the option that is wrong. */
export async function admit(options: AdmitOptions): Promise<void> {
  const root = readPrivateKey(read(options.root));
  const cluster = clusterName(options.cluster);
  const signed = attributes(options.attribute);
  mkdirSync(options.out, { recursive: true, mode: 0o700 });
  const peer = options.peer === undefined ? await newPeer(options.out) : peerId(options.peer);
  const now = Date.now();
  const certificate = await issueCertificate(root, {
    cluster,
    peer,
    attributes: signed,
    notBeforeMs: now,
    expiresMs: now + options.days * dayMs,
  });
  const file = join(options.out, 'membership.cert');
  write(file, certificateText(certificate), 0o644);
  write(join(options.out, 'federation.pub'), publicKeyText(root.publicKey), 0o644);
  print(`${options.cluster} is admitted for ${options.days} days: ${file}`);
}

/** A new key in `folder`, unless there is one: its peer id. */
async function newPeer(folder: string): Promise<PeerId> {
  const file = join(folder, 'peer.key');
  if (existsSync(file)) return peerIdOf(readPrivateKey(read(file)).publicKey);
  const key = await newKey();
  write(file, privateKeyText(key), 0o600);
  return peerIdOf(key.publicKey);
}

function attributes(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([\w./-]+)=(.*)$/.exec(pair) ?? [];
      if (key === undefined || value === undefined) {
        throw new Fault('InvalidInput', `--attribute ${pair}: expected key=value`);
      }
      return [key, value];
    }),
  );
}
