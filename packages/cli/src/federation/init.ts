import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { federationIdOf, newKey, privateKeyText, publicKeyText } from '@spillway/mesh';
import type { InitOptions } from '../commands/federation.ts';
import { confirmed } from '../output/confirm.ts';
import { print } from '../output/format.ts';
import { write } from './files.ts';

/** Makes a root. @throws Fault `Conflict` where there is one, `Cancelled` when its owner thinks again. */
export async function init({ out, force, yes }: InitOptions): Promise<void> {
  const file = join(out, 'federation.key');
  if (existsSync(file)) {
    if (!force) {
      throw new Fault(
        'Conflict',
        `${file} exists: a new root would be another federation; --force if you mean that`,
      );
    }
    const question = `Replace ${file}? Without a backup of it no cluster can join its federation any more.`;
    if (!yes) await confirmed(question);
  }
  mkdirSync(out, { recursive: true, mode: 0o700 });
  const root = await newKey();
  write(file, privateKeyText(root), 0o600);
  write(join(out, 'federation.pub'), publicKeyText(root.publicKey), 0o644);
  print(`federation ${federationIdOf(root.publicKey).toString('hex').slice(0, 16)}
  ${file}  the root key: keep it offline, and back it up
  ${join(out, 'federation.pub')}  goes to every cluster
next: spillway federation admit --root ${file} --cluster NAME --out FOLDER`);
}
