/** `npm run generate-manifests`: renders the manifests from the chart, by Helm. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generatedManifests } from './generated.ts';

const { file, text } = await generatedManifests();
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, text);
process.stdout.write(`${file}\n`);
