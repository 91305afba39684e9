import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, isFault } from '@spillway/core';
import {
  newKey,
  privateKeyText,
  publicKeyText,
  readIdentityFile,
  readPrivateKey,
} from '@spillway/mesh';
import type { InitOptions } from '../commands/federation.ts';
import { confirmed } from '../output/confirm.ts';
import { print } from '../output/format.ts';
import { withFolderLocked } from './folder-lock.ts';
import { checkNoIdentity, shortFederationOf } from './identity-folder.ts';
import { checkKeyFolder, makeKeyFolder } from './key-folder.ts';
import { readRootKey } from './read-keys.ts';
import { checkReplaceable, writeFiles } from './write-files.ts';

/** Makes a root. @throws Fault `Conflict` where there is one, `Cancelled` when its owner thinks again. */
export async function init({ out, force, yes }: InitOptions): Promise<void> {
  const files = { key: join(out, 'federation.key'), pub: join(out, 'federation.pub') };
  checkKeyFolder(out);
  for (const file of Object.values(files)) checkReplaceable(file);
  checkNoIdentity(out);
  const before = rootIn(files);
  if (before !== undefined) {
    if (!force) return await withFolderLocked(out, () => complete(files));
    const question = `Replace ${files.key}, the root of ${before}? Without a backup of it no cluster can join that federation any more.`;
    if (yes) process.stderr.write(`the root of ${before} in ${out} is replaced\n`);
    else await confirmed(question);
  }
  const root = await newKey();
  makeKeyFolder(out);
  await withFolderLocked(out, async () => {
    if (rootIn(files) !== before) throw exists(files.key);
    writeFiles([
      { file: files.key, text: privateKeyText(root), mode: 0o600 },
      { file: files.pub, text: publicKeyText(root.publicKey), mode: 0o644 },
    ]);
  });
  print(`federation ${shortFederationOf(root.publicKey)}
  ${files.key}  the root key: keep it offline, and back it up
  ${files.pub}  goes to every cluster
next: spillway federation admit --root ${files.key} --cluster NAME --out FOLDER`);
}

interface RootFiles {
  readonly key: string;
  readonly pub: string;
}

/** An init that was killed between its two files has left a key without its public half. */
async function complete({ key, pub }: RootFiles): Promise<void> {
  const text = publicKeyText(readRootKey(key).publicKey);
  if (existsSync(pub) && readIdentityFile(pub).text === text) throw exists(key);
  writeFiles([{ file: pub, text, mode: 0o644 }]);
  print(
    `${pub} was not the public key of ${key}: it was written again. The root key has not changed.`,
  );
}

/** Its federation in words; undefined when there is none. */
function rootIn({ key, pub }: RootFiles): string | undefined {
  if (existsSync(key)) return federationIn(key);
  if (!existsSync(pub)) return undefined;
  throw new Fault(
    'Conflict',
    `${pub} exists, and its root key is elsewhere. Choose another folder for a new root.`,
  );
}

function federationIn(file: string): string {
  try {
    const { publicKey } = readPrivateKey(readIdentityFile(file).text);
    return `federation ${shortFederationOf(publicKey)}`;
  } catch (error) {
    if (isFault(error, 'InvalidInput')) return 'a federation (its key cannot be read)';
    throw error;
  }
}

function exists(key: string): Fault {
  return new Fault(
    'Conflict',
    `${key} exists: a new root would be another federation. If you mean that, use --force.`,
  );
}
