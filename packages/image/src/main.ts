#!/usr/bin/env node
/** `npm run image`: builds the image and says what it is. Exit codes: 0 built, 1 not, 2 wrong command line. */
import { endingOf } from '@spillway/core';
import { Command } from 'commander';
import { buildImage, type BuiltImage, repositoryDefault } from './build-image.ts';
import { writeAppFolder } from './app-folder.ts';
import { platformOf, platforms } from './platform.ts';

interface Flags {
  readonly platform?: string;
  readonly out?: string;
  readonly repository?: string;
  readonly tag?: string;
  readonly revision?: string;
  readonly json?: boolean;
  readonly appFolder?: string;
}

const program = new Command('npm run image --')
  .description(
    'Builds the container image as an OCI archive, without Docker and without a registry.',
  )
  .option('--platform <platform>', `${platforms.join(' or ')} (default: this machine's)`)
  .option('--out <folder>', 'folder for archive and SBOM (default: the cache folder)')
  .option('--repository <name>', `name of the image (default: ${repositoryDefault})`)
  .option('--tag <tag>', "tag of the image (default: Spillway's version)")
  .option('--revision <commit>', "commit to name in the image's labels")
  .option('--json', 'print JSON')
  .option('--app-folder <folder>', 'only write the programs there, as the Dockerfile does')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run image -- --platform linux/arm64 --out dist\n  kind load image-archive "$(npm run --silent image -- --json | jq -r .archive)"',
  )
  .exitOverride()
  .action(async ({ platform, json, appFolder, ...rest }: Flags) => {
    if (appFolder !== undefined) return await writeAppFolder(appFolder);
    const image = await buildImage({
      ...rest,
      platform: platform === undefined ? undefined : platformOf(platform),
    });
    console.log(json ? JSON.stringify(image, null, 2) : described(image));
  });

try {
  await program.parseAsync();
} catch (error) {
  const debug = (process.env['SPILLWAY_DEBUG'] ?? '') !== '';
  const { text, exitCode } = endingOf(error, { debug });
  if (text !== '') console.error(text);
  process.exitCode = exitCode;
}

function described(image: BuiltImage): string {
  const size = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const rows = [
    ['reference', image.reference],
    ['digest', image.digest],
    ['platform', image.platform],
    ...image.layers.map(({ name, bytes, digest }) => [
      `layer ${name}`,
      `${size(bytes).padStart(8)}  ${digest}`,
    ]),
    ['compressed', size(image.bytes).padStart(8)],
    ['archive', image.archive],
    ['sbom', image.sbom],
  ];
  return rows.map(([name = '', value]) => `${name.padEnd(12)} ${value}`).join('\n');
}
