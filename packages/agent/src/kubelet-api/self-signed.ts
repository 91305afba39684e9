/** A serving certificate that the agent signs itself, as kubelets do where nobody gives them one. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { certificateDer, claimsDer } from '@spillway/core';

export interface ServingCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

const dayMs = 86_400_000;
/** An agent makes another one whenever it starts. */
const validMs = 10 * 365 * dayMs;

export function selfSignedCertificate(commonName: string, nowMs: number): ServingCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const claims = claimsDer({
    commonName,
    usage: 'server',
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
