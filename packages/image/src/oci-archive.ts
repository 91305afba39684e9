/**
 * An OCI image layout as one tar, which `ctr images import`, `kind load image-archive`, `podman load`
 * and `skopeo copy oci-archive:` take.
 */
import { imageConfig, type ImageConfigOptions, labelsOf, mediaTypes } from './image-config.ts';
import { type ImageFile, textFile } from './file-tree.ts';
import { digestOf, layerMediaType, tarOf } from './layer.ts';

export interface OciArchive {
  readonly tar: Buffer;
  /** Of the manifest: what `image@sha256:…` names. */
  readonly digest: string;
}

export async function ociArchive(
  options: ImageConfigOptions & { readonly reference: string },
): Promise<OciArchive> {
  const { layers, architecture, version, reference } = options;
  const tree = new Map<string, ImageFile>();
  const stored = (mediaType: string, blob: Buffer | string) => {
    const content = Buffer.from(blob);
    const digest = digestOf(content);
    tree.set(`blobs/sha256/${digest.slice('sha256:'.length)}`, {
      kind: 'file',
      mode: 0o644,
      content,
    });
    return { mediaType, digest, size: content.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: stored(mediaTypes.config, JSON.stringify(imageConfig(options))),
    layers: layers.map(({ blob }) => stored(layerMediaType, blob)),
    annotations: labelsOf(options),
  };
  const described = stored(mediaTypes.manifest, JSON.stringify(manifest));
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...described,
        platform: { architecture, os: 'linux' },
        annotations: {
          // containerd takes the whole name from the first, others the tag from the second.
          'io.containerd.image.name': reference,
          'org.opencontainers.image.ref.name': version,
        },
      },
    ],
  };
  tree.set('index.json', textFile(JSON.stringify(index)));
  tree.set('oci-layout', textFile('{"imageLayoutVersion":"1.0.0"}'));
  return { tar: await tarOf(tree, options.time), digest: described.digest };
}
