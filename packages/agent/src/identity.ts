/** Who this agent is to the federation, from files. */
import { readFileSync } from 'node:fs';
import { Fault } from '@spillway/core';
import {
  inspectCertificate,
  type PrivateKey,
  type PublicKey,
  readCertificate,
  readPrivateKey,
  readPublicKey,
} from '@spillway/mesh';
import type { AgentOptions } from './options.ts';

export interface Identity {
  readonly privateKey: PrivateKey;
  readonly certificate: Uint8Array;
  /** The federation's. */
  readonly root: PublicKey;
}

/** @throws Fault `InvalidConfig` when a file can't be read or the certificate is another cluster's. */
export function readIdentity({ identity, cluster }: AgentOptions): Identity {
  const read = (key: keyof typeof identity): string => {
    try {
      return readFileSync(identity[key], 'utf8');
    } catch (error) {
      throw new Fault('InvalidConfig', `identity.${key}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
  const certificate = readCertificate(read('certificate'));
  const { cluster: certified } = inspectCertificate(certificate);
  if (certified !== cluster) {
    throw new Fault(
      'InvalidConfig',
      `cluster: configured as ${cluster}, but the certificate is for ${certified}`,
    );
  }
  return {
    privateKey: readPrivateKey(read('key')),
    certificate,
    root: readPublicKey(read('federation')),
  };
}
