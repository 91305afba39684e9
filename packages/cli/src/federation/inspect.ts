import { inspectCertificate, readCertificate } from '@spillway/mesh';
import type { z } from 'zod';
import { type Format, print, rendered } from '../output/format.ts';
import type { certificateOutput } from '../output/schemas.ts';
import { pairs } from '../output/table.ts';
import { read } from './files.ts';

/** Prints what a certificate says. @throws Fault `NotFound`, `InvalidInput` */
export function inspect(file: string, format: Format): void {
  const claims = inspectCertificate(readCertificate(read(file)));
  const value: z.infer<typeof certificateOutput> = {
    cluster: claims.cluster,
    peer: claims.peer,
    federation: Buffer.from(claims.federationId).toString('hex').slice(0, 16),
    notBefore: new Date(claims.notBeforeMs).toISOString(),
    expires: new Date(claims.expiresMs).toISOString(),
    serial: Buffer.from(claims.serial).toString('hex'),
    attributes: claims.attributes,
  };
  const { attributes: signed, ...rest } = value;
  const table = (): string => pairs([...Object.entries(rest), ...Object.entries(signed)]);
  print(rendered(format, { value, table }));
}
