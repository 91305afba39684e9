/** Container images without a builder or a registry: a root file system, packed as an OCI archive of one layer. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { must } from './must.ts';

export interface OciImage {
  /** As nodes name it, with a tag. */
  readonly name: string;
  /** A folder that is its root file system. */
  readonly root: string;
  /** Else all is root's. */
  readonly keepsOwners?: boolean;
  /** Beside `PATH`. */
  readonly env?: readonly string[];
  /** As in the image specification: `Entrypoint`, `Cmd`, `User`… */
  readonly config: Readonly<Record<string, unknown>>;
}

const architectures: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
};
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The same root gives the same archive, byte for byte. `docker load` takes it too. */
export async function writeOciArchive(archive: string, image: OciImage): Promise<void> {
  const layout = `${archive}.layout`;
  const blobs = join(layout, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  try {
    const layerFile = join(layout, 'layer');
    const owners = image.keepsOwners === true ? [] : roots;
    await must('tar', [...reproducible, ...owners, '-C', image.root, '-cf', layerFile, '.']);
    const layer = { digest: await fileDigest(layerFile), size: statSync(layerFile).size };
    renameSync(layerFile, join(blobs, layer.digest));
    const platform = { architecture: architectures[process.arch] ?? process.arch, os: 'linux' };
    const config = writeBlob(blobs, {
      ...platform,
      config: { ...image.config, Env: [path, ...(image.env ?? [])] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer.digest}`] },
    });
    const manifest = writeBlob(blobs, {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('config.v1+json', config),
      layers: [descriptor('layer.v1.tar', layer)],
    });
    // Docker's own format, which older daemons want, may lie in the same archive.
    writeJson(join(layout, 'manifest.json'), [
      {
        Config: `blobs/sha256/${config.digest}`,
        RepoTags: [image.name],
        Layers: [`blobs/sha256/${layer.digest}`],
      },
    ]);
    writeJson(join(layout, 'oci-layout'), { imageLayoutVersion: '1.0.0' });
    writeJson(join(layout, 'index.json'), {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        {
          ...descriptor('manifest.v1+json', manifest),
          platform,
          annotations: {
            'io.containerd.image.name': image.name,
            'org.opencontainers.image.ref.name': image.name.slice(image.name.lastIndexOf(':') + 1),
          },
        },
      ],
    });
    await must('tar', [...reproducible, ...roots, '-C', layout, '-cf', `${archive}.partial`, '.']);
    renameSync(`${archive}.partial`, archive);
  } finally {
    rmSync(layout, { recursive: true, force: true });
  }
}

/** From any builder, at any time. */
const reproducible = ['--sort=name', '--mtime=@0', '--numeric-owner'];
const roots = ['--owner=0', '--group=0'];

interface Blob {
  readonly digest: string;
  readonly size: number;
}

function descriptor(kind: string, { digest, size }: Blob): Record<string, unknown> {
  const mediaType = `application/vnd.oci.image.${kind}`;
  return { mediaType, digest: `sha256:${digest}`, size };
}

function writeBlob(folder: string, content: object): Blob {
  const text = JSON.stringify(content);
  const digest = createHash('sha256').update(text).digest('hex');
  writeFileSync(join(folder, digest), text);
  return { digest, size: Buffer.byteLength(text) };
}

function writeJson(file: string, content: object): void {
  writeFileSync(file, JSON.stringify(content));
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
