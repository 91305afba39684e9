/** Who this agent is to the federation, from files. */
import { Fault, isFault } from '@spillway/core';
import {
  federationIdOf,
  type IdentityFile,
  inspectCertificate,
  peerIdOf,
  type PrivateKey,
  type PublicKey,
  readCertificate,
  readIdentityFile,
  readPrivateKey,
  readPublicKey,
} from '@spillway/mesh';
import type { AgentOptions } from '../config/options.ts';

export interface Identity {
  readonly privateKey: PrivateKey;
  readonly certificate: Uint8Array;
  /** The federation's. */
  readonly root: PublicKey;
  /** Every user of the machine or container can read the key: a person is told. */
  readonly keyIsOpen: boolean;
}

/** Group may read: that is how a Secret is mounted for a user who is not root. */
const openToOthers = 0o007;

/**
 * The three files must belong together: an agent with another cluster's key, or of another federation,
 * would start, and nobody would let it in.
 *
 * @throws Fault `InvalidConfig` naming the file that cannot be read, or the two that do not match.
 */
export function readIdentity({
  identity,
  cluster,
}: Pick<AgentOptions, 'identity' | 'cluster'>): Identity {
  const read = <T>(key: keyof typeof identity, parse: (file: IdentityFile) => T): T => {
    try {
      return parse(readIdentityFile(identity[key]));
    } catch (error) {
      if (!isFault(error)) throw error;
      throw new Fault('InvalidConfig', `identity.${key}: ${error.message}`, { cause: error });
    }
  };
  const certificate = read('certificate', ({ text }) => readCertificate(text));
  const claims = read('certificate', () => inspectCertificate(certificate));
  const { privateKey, mode = 0 } = read('key', ({ text, mode }) => ({
    privateKey: readPrivateKey(text),
    mode,
  }));
  const root = read('federation', ({ text }) => readPublicKey(text));
  const problem =
    (claims.cluster !== cluster &&
      `cluster: configured as ${cluster}, but the certificate is for ${claims.cluster}`) ||
    (claims.peer !== peerIdOf(privateKey.publicKey) &&
      'identity.key: the certificate is for another key') ||
    (!federationIdOf(root).equals(claims.federationId) &&
      'identity.federation: the certificate is of another federation');
  if (problem) throw new Fault('InvalidConfig', problem);
  return { privateKey, certificate, root, keyIsOpen: (mode & openToOthers) !== 0 };
}
