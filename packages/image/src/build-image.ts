/**
 * The container image, built of the checkout, the npm registry and Debian's archive: no Docker, no
 * image registry. Three layers (libraries, Node, programs), so that an update of Spillway is small.
 * Everything is kept in a cache outside the checkout, by what it is made of; equal inputs give an equal
 * digest, on any machine.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { BundledPackage } from '@spillway/bundling';
import { Fault } from '@spillway/core';
import { cacheFolder } from '@spillway/testbed';
import { appFiles, bundledPrograms, type Programs } from './app-files.ts';
import { baseFiles } from './base-files.ts';
import { type DebianPackage, debianPackages } from './debian-archive.ts';
import { debianContents } from './debian-files.ts';
import { sourceUrl } from './image-config.ts';
import { buildLayer, type Layer } from './layer.ts';
import { nodeFiles, nodeIntegrity, nodeVersion } from './node-binary.ts';
import { ociArchive } from './oci-archive.ts';
import { architectureOf, ownPlatform, type Platform } from './platform.ts';
import { recipe, version } from './recipe.ts';
import { sbomOf } from './sbom.ts';

export const repositoryDefault = 'ghcr.io/spillway-dev/spillway';

export interface BuildOptions {
  /** Default: this machine's. */
  readonly platform?: Platform | undefined;
  /** Default: `ghcr.io/spillway-dev/spillway`; it is a name only, nothing is pushed. */
  readonly repository?: string | undefined;
  /** Default: the packages' version. */
  readonly tag?: string | undefined;
  /** The commit that the image's labels name. Default: none, so that a digest depends on content alone. */
  readonly revision?: string | undefined;
  /** Where to put archive and SBOM; default: where the cache has them. */
  readonly out?: string | undefined;
}

export interface BuiltImage {
  /** `repository:tag`. */
  readonly reference: string;
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  readonly platform: Platform;
  /** An OCI archive for `ctr images import` or `kind load image-archive`. */
  readonly archive: string;
  /** CycloneDX JSON; the image has it as /app/sbom.json. */
  readonly sbom: string;
  /** Lowest first; bytes as stored and sent. */
  readonly layers: readonly {
    readonly name: string;
    readonly digest: string;
    readonly bytes: number;
  }[];
  /** What a node pulls: all layers, compressed. */
  readonly bytes: number;
}

/** All files and folders are as of this moment. */
const epoch = new Date(Number(process.env['SOURCE_DATE_EPOCH'] || 0) * 1000);

/**
 * Some seconds when nothing but programs changed, half a minute at first.
 * @throws Fault `InvalidConfig` where it cannot be built, `Unavailable` without npm registry or Debian archive.
 */
export async function buildImage(options: BuildOptions = {}): Promise<BuiltImage> {
  const platform = options.platform ?? ownPlatform();
  const reference = `${options.repository ?? repositoryDefault}:${options.tag ?? version}`;
  const cache = join(cacheFolder(), 'image');
  const [{ programs, npm }, debian] = await Promise.all([
    bundledPrograms(),
    debianPackages(architectureOf(platform), cache),
  ]);
  const inputs: Inputs = {
    platform,
    reference,
    cache,
    debian,
    programs,
    npm,
    revision: options.revision,
  };
  const folder = join(
    cache,
    'images',
    keyOf({ ...inputs, debian: debian.map(({ sha256 }) => sha256) }),
  );
  if (!existsSync(join(folder, 'image.json'))) await assemble(inputs, folder);
  const made = JSON.parse(readFileSync(join(folder, 'image.json'), 'utf8')) as BuiltImage;
  const image = { ...made, archive: join(folder, made.archive), sbom: join(folder, made.sbom) };
  return options.out === undefined ? image : copied(image, options.out);
}

interface Inputs {
  readonly platform: Platform;
  readonly reference: string;
  readonly cache: string;
  readonly debian: readonly DebianPackage[];
  readonly programs: Programs;
  readonly npm: readonly BundledPackage[];
  readonly revision: string | undefined;
}

/** Makes the folder whole or not at all, so that others who build the same may look meanwhile. */
async function assemble(inputs: Inputs, folder: string): Promise<void> {
  const { platform, reference, cache, debian, programs, npm, revision } = inputs;
  const architecture = architectureOf(platform);
  const contents = await debianContents(debian);
  const sbom = sbomOf({
    version,
    source: sourceUrl,
    npm,
    node: { version: nodeVersion },
    debian: debian.map((each, i) => ({ ...each, licences: contents[i]?.licences ?? [] })),
  });
  const node = await nodeFiles(platform, cache);
  const binary = node.get('nodejs/bin/node');
  const runnable = platform === ownPlatform() && process.platform === 'linux';
  const runtime = runnable && binary?.kind === 'file' ? binary.content : undefined;
  const kept = async (name: string, key: unknown, make: () => Promise<Layer>) =>
    await cachedLayer({ name, cache, key: keyOf([platform, key]), make });
  const layers = [
    await kept(
      'base',
      debian.map(({ sha256 }) => sha256),
      async () => buildLayer('base', baseFiles(contents), epoch),
    ),
    await kept('node', nodeIntegrity[architecture], async () => buildLayer('node', node, epoch)),
    await buildLayer('app', await appFiles(programs, sbom, runtime), epoch),
  ];
  const { tar, digest } = await ociArchive({
    architecture,
    version,
    revision,
    time: epoch,
    layers,
    reference,
  });
  const built: BuiltImage = {
    reference,
    digest,
    platform,
    archive: `spillway-${version}-${architecture}.tar`,
    sbom: `spillway-${version}-${architecture}.cdx.json`,
    layers: layers.map(({ name, digest, blob }) => ({ name, digest, bytes: blob.length })),
    bytes: layers.reduce((sum, { blob }) => sum + blob.length, 0),
  };
  mkdirSync(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  writeFileSync(join(partial, built.archive), tar);
  writeFileSync(join(partial, built.sbom), sbom);
  writeFileSync(join(partial, 'image.json'), JSON.stringify(built, null, 2));
  published(partial, folder);
}

/** Compressing Node takes half a minute: a layer is kept by what it is made of. */
async function cachedLayer({
  name,
  cache,
  key,
  make,
}: {
  readonly name: string;
  readonly cache: string;
  readonly key: string;
  readonly make: () => Promise<Layer>;
}): Promise<Layer> {
  const folder = join(cache, 'layers', key);
  const described = join(folder, 'layer.json');
  if (existsSync(described)) {
    const known = JSON.parse(readFileSync(described, 'utf8')) as Omit<Layer, 'blob'>;
    return { ...known, blob: readFileSync(join(folder, 'blob')) };
  }
  const { blob, ...layer } = await make();
  mkdirSync(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  writeFileSync(join(partial, 'blob'), blob);
  writeFileSync(join(partial, 'layer.json'), JSON.stringify({ ...layer, name }));
  published(partial, folder);
  return { ...layer, blob };
}

/** Another process may have been first; then its result is as good. */
function published(partial: string, folder: string): void {
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

function copied(image: BuiltImage, out: string): BuiltImage {
  const folder = resolve(out);
  const names = [image.archive, image.sbom].map((file) =>
    join(folder, file.slice(dirname(file).length + 1)),
  );
  const [archive = '', sbom = ''] = names;
  try {
    mkdirSync(folder, { recursive: true });
    copyFileSync(image.archive, archive);
    copyFileSync(image.sbom, sbom);
  } catch (error) {
    throw new Fault('InvalidConfig', `--out ${out}: ${(error as Error).message}`, { cause: error });
  }
  return { ...image, archive, sbom };
}

function keyOf(inputs: unknown): string {
  const text = JSON.stringify([recipe(), nodeIntegrity, epoch, inputs]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
