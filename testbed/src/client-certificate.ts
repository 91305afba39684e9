/** A client certificate that is its own CA: who trusts it knows its bearer, without a CA to keep. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { certificateDer, claimsDer } from '@spillway/core';

export interface ClientCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

const dayMs = 86_400_000;
/** Longer than any test bed lives. */
const validMs = 30 * dayMs;

/** `group`: what Kubernetes takes its bearer to be in. */
export function clientCertificate(user: string, group: string): ClientCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nowMs = Date.now();
  const claims = claimsDer({
    commonName: user,
    organization: group,
    usage: 'client',
    notBefore: new Date(nowMs - dayMs).toISOString(),
    notAfter: new Date(nowMs + validMs).toISOString(),
    serial: Uint8Array.of(1, ...randomBytes(15)),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
  });
  const der = certificateDer(claims, sign('sha256', claims, privateKey));
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
