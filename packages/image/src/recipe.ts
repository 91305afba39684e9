/** How the image is made, as a value: a change of this package's code makes other images. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));

/** Of all packages: they are released together. */
export const { version } = JSON.parse(
  readFileSync(join(dirname(folder), 'package.json'), 'utf8'),
) as { readonly version: string };

/** Also the Node that compresses: another zstd may give other bytes. */
export function recipe(): string {
  const hash = createHash('sha256').update(process.versions.zstd ?? process.version);
  const files = readdirSync(folder).filter((name) => !name.includes('test.'));
  for (const file of files.toSorted()) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex');
}
