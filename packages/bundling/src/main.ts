/** Writes packages/cli/dist/spillway.mjs, which is all that the npm package `spillway` holds. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from './program-bundle.ts';

const file = fileURLToPath(new URL('../../cli/dist/spillway.mjs', import.meta.url));
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, (await bundleProgram('cli')).text);
chmodSync(file, 0o755);
