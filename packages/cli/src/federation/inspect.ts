import {
  inspectCertificate,
  inspectRevocations,
  isRevocations,
  readCertificate,
  readRevocations,
} from '@spillway/mesh';
import type { z } from 'zod';
import { type Format, print, rendered } from '../output/format.ts';
import type { certificateOutput, revocationsOutput } from '../output/schemas.ts';
import { pairs, table as columns } from '../output/table.ts';
import { read } from './files.ts';

/** Prints what a certificate or a list of revocations says. @throws Fault `NotFound`, `InvalidInput` */
export function inspect(file: string, format: Format): void {
  const text = read(file);
  if (isRevocations(text)) return inspectList(readRevocations(text), format);
  const claims = inspectCertificate(readCertificate(text));
  const value: z.infer<typeof certificateOutput> = {
    cluster: claims.cluster,
    peer: claims.peer,
    federation: Buffer.from(claims.federationId).toString('hex').slice(0, 16),
    notBefore: new Date(claims.notBeforeMs).toISOString(),
    expires: new Date(claims.expiresMs).toISOString(),
    serial: Buffer.from(claims.serial).toString('hex'),
    attributes: claims.attributes,
  };
  const attributes = Object.entries(value.attributes).map(([key, text]) => `${key}=${text}`);
  const table = (): string =>
    pairs([
      ['Cluster:', value.cluster],
      ['Attributes:', attributes.join(',') || '-'],
      ['Valid from:', value.notBefore],
      ['Expires:', value.expires],
      ['Federation:', value.federation],
      ['Peer:', value.peer],
      ['Serial:', value.serial],
    ]);
  print(rendered(format, { value, table }));
}

function inspectList(list: Uint8Array, format: Format): void {
  const value: z.infer<typeof revocationsOutput> = inspectRevocations(list).map(
    ({ federationId, revokedMs, ...rest }) => ({
      federation: Buffer.from(federationId).toString('hex').slice(0, 16),
      revoked: new Date(revokedMs).toISOString(),
      ...rest,
    }),
  );
  const table = (): string =>
    columns(
      ['REVOKED', 'CLUSTER', 'KEY', 'CERTIFICATE', 'REASON'],
      value.map(({ revoked, cluster = '', peer = '', serial = '', reason }) => [
        revoked,
        cluster,
        peer,
        serial,
        reason,
      ]),
    );
  print(rendered(format, { value, table }));
}
