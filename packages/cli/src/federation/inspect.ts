import {
  inspectCertificate,
  inspectRevocations,
  isRevocations,
  readCertificate,
  readIdentityFile,
  readRevocations,
} from '@spillway/mesh';
import type { z } from 'zod';
import { type Format, print, rendered } from '../output/format.ts';
import type { certificateOutput, revocationsOutput } from '../output/schemas.ts';
import { pairs, table as columns } from '../output/table.ts';
import { visible } from '../output/visible.ts';
import { shortFederation } from './identity-folder.ts';
import { named } from './read-keys.ts';

/** Prints what a certificate or a list of revocations says. @throws Fault `NotFound`, `InvalidInput` */
export function inspect(file: string, format: Format): void {
  const { text } = readIdentityFile(file);
  if (isRevocations(text)) {
    const list = named(file, () => inspectRevocations(readRevocations(text)));
    return inspectList(list, format);
  }
  const claims = named(file, () => inspectCertificate(readCertificate(text)));
  const value: z.infer<typeof certificateOutput> = {
    cluster: claims.cluster,
    peer: claims.peer,
    federation: shortFederation(claims.federationId),
    notBefore: new Date(claims.notBeforeMs).toISOString(),
    expires: new Date(claims.expiresMs).toISOString(),
    serial: Buffer.from(claims.serial).toString('hex'),
    attributes: claims.attributes,
  };
  const attributes = Object.entries(value.attributes).map(([key, text]) =>
    visible(`${key}=${text}`),
  );
  const table = (): string =>
    pairs([
      ['Cluster:', value.cluster],
      ['Attributes:', attributes.join(',') || '-'],
      ['Valid from:', value.notBefore],
      ['Expires:', value.expires],
      ['Federation:', value.federation],
      ['Peer:', visible(value.peer)],
      ['Serial:', value.serial],
    ]);
  print(rendered(format, { value, table }));
}

function inspectList(list: ReturnType<typeof inspectRevocations>, format: Format): void {
  const value: z.infer<typeof revocationsOutput> = list.map(
    ({ federationId, revokedMs, ...rest }) => ({
      federation: shortFederation(federationId),
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
        visible(peer),
        serial,
        visible(reason),
      ]),
    );
  print(rendered(format, { value, table }));
}
