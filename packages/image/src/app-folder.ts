/** The programs for an image that brings Node and libraries itself: what the Dockerfile copies to /app. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundledPrograms } from './app-files.ts';
import { sourceUrl } from './image-config.ts';
import { version } from './recipe.ts';
import { sbomOf } from './sbom.ts';

/** Writes agent.mjs, spillway.mjs, the notices, and sbom.json, which names npm packages alone. */
export async function writeAppFolder(folder: string): Promise<void> {
  const { programs, npm } = await bundledPrograms();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'agent.mjs'), programs.agent);
  writeFileSync(join(folder, 'spillway.mjs'), programs.cli);
  writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), programs.notices);
  const sbom = sbomOf({ version, source: sourceUrl, npm, debian: [] });
  writeFileSync(join(folder, 'sbom.json'), sbom);
}
