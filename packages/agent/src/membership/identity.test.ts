/** On real files. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readIdentity } from './identity.ts';

let folder: string;
let root: PrivateKey;
let key: PrivateKey;

const file = (name: string): string => join(folder, name);
const identity = () => ({
  key: file('peer.key'),
  certificate: file('membership.cert'),
  federation: file('federation.pub'),
});
const read = (cluster = 'paris') =>
  readIdentity({ identity: identity(), cluster: clusterName(cluster) });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-identity-'));
  [root, key] = await Promise.all([newKey(), newKey()]);
  const certificate = await issueCertificate(root, {
    cluster: clusterName('paris'),
    peer: peerIdOf(key.publicKey),
    attributes: {},
    notBeforeMs: 0,
    expiresMs: 1,
  });
  writeFileSync(file('peer.key'), privateKeyText(key), { mode: 0o600 });
  writeFileSync(file('membership.cert'), certificateText(certificate));
  writeFileSync(file('federation.pub'), publicKeyText(root.publicKey));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('an identity', () => {
  test('is read where its files belong together', () => {
    expect(peerIdOf(read().privateKey.publicKey)).toBe(peerIdOf(key.publicKey));
  });

  test('of another cluster is refused', () => {
    expect(() => read('lyon')).toThrow('configured as lyon, but the certificate is for paris');
  });

  test('with the key of another peer is refused', async () => {
    writeFileSync(file('peer.key'), privateKeyText(await newKey()));
    expect(() => read()).toThrow('identity.key: the certificate is for another key');
  });

  test('with the public key of another federation is refused', async () => {
    writeFileSync(file('federation.pub'), publicKeyText((await newKey()).publicKey));
    expect(() => read()).toThrow('identity.federation: the certificate is of another federation');
  });

  test.each([
    ['peer.key', 'identity.key: '],
    ['membership.cert', 'identity.certificate: '],
    ['federation.pub', 'identity.federation: '],
  ])(
    'whose %s is missing or damaged is refused by its key in the configuration',
    (name, problem) => {
      writeFileSync(file(name), 'damaged');
      expect(() => read()).toThrow(`${problem}expected a SPILLWAY`);
      rmSync(file(name));
      expect(() => read()).toThrow(`${problem}${file(name)} cannot be read: there is no such file`);
    },
  );

  test('says whether every user can read its key; the group may, as in a mounted Secret', () => {
    chmodSync(file('peer.key'), 0o440);
    expect(read().keyIsOpen).toBe(false);
    chmodSync(file('peer.key'), 0o644);
    expect(read().keyIsOpen).toBe(true);
  });
});
