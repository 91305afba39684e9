/** Writes what the npm package `spillway` holds into packages/cli/dist: the program, and the licences. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { thirdPartyNotices } from './bundled-packages.ts';
import { bundleProgram } from './program-bundle.ts';

const root = dirname(fileURLToPath(new URL('../..', import.meta.url)));
const target = join(root, 'packages', 'cli', 'dist');
const { text, packages } = await bundleProgram('cli');
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'spillway.mjs'), text);
chmodSync(join(target, 'spillway.mjs'), 0o755);
writeFileSync(join(target, 'THIRD-PARTY-NOTICES.txt'), thirdPartyNotices(packages));
copyFileSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
