import { describe, expect, test } from 'vitest';
import { textFile } from './file-tree.ts';
import { buildLayer, digestOf } from './layer.ts';
import { ociArchive } from './oci-archive.ts';
import { readTar } from './tar-entries.ts';

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

async function layout(revision?: string) {
  const layers = [
    await buildLayer('base', new Map([['lib/libc.so.6', textFile('ELF')]]), new Date(0)),
    await buildLayer('app', new Map([['app/agent.mjs', textFile('run()')]]), new Date(0)),
  ];
  const { tar, digest } = await ociArchive({
    architecture: 'arm64',
    version: '1.2.3',
    revision,
    time: new Date(0),
    layers,
    reference: 'registry.example/spillway:1.2.3',
  });
  const tree = await readTar(tar, (path) => path);
  const bytes = (path: string): Buffer => {
    const file = tree.get(path);
    if (file?.kind !== 'file') throw new Error(`no ${path}`);
    return file.content;
  };
  const blob = ({ digest, size }: Descriptor) => {
    const content = bytes(`blobs/sha256/${digest.replace('sha256:', '')}`);
    expect(digestOf(content)).toBe(digest);
    expect(content.length).toBe(size);
    return content;
  };
  const json = (content: Buffer) => JSON.parse(content.toString());
  const [described, ...others] = json(bytes('index.json')).manifests;
  expect(others).toEqual([]);
  const manifest = json(blob(described));
  return {
    layers,
    digest,
    described,
    manifest,
    config: json(blob(manifest.config)),
    blobs: manifest.layers.map(blob),
    version: json(bytes('oci-layout')).imageLayoutVersion,
  };
}

describe('ociArchive', () => {
  test('leads from the index to every blob by digest and size', async () => {
    const { layers, digest, described, blobs, config, version } = await layout();
    expect(version).toBe('1.0.0');
    expect(digest).toBe(described.digest);
    expect(blobs).toEqual(layers.map(({ blob }) => blob));
    expect(config.rootfs.diff_ids).toEqual(layers.map(({ diffId }) => diffId));
    expect(config.history).toHaveLength(layers.length);
  });

  test('is named for containerd and for others, and says for which platform it is', async () => {
    const { described, config } = await layout();
    expect(described.platform).toEqual({ architecture: 'arm64', os: 'linux' });
    expect(config).toMatchObject({ architecture: 'arm64', os: 'linux' });
    expect(described.annotations).toEqual({
      'io.containerd.image.name': 'registry.example/spillway:1.2.3',
      'org.opencontainers.image.ref.name': '1.2.3',
    });
  });

  test('runs the agent as nobody, and is stopped by SIGTERM', async () => {
    const { config } = await layout();
    expect(config.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['/nodejs/bin/node', '--max-semi-space-size=2', '/app/agent.mjs'],
      ExposedPorts: { '7420/tcp': {}, '7421/tcp': {} },
      StopSignal: 'SIGTERM',
    });
  });

  test('names the commit only where it is told, so that a digest depends on content alone', async () => {
    const key = 'org.opencontainers.image.revision';
    const plain = await layout();
    expect(plain.manifest.annotations).not.toHaveProperty(key);
    const told = await layout('abc');
    expect(told.manifest.annotations[key]).toBe('abc');
    expect(told.config.config.Labels[key]).toBe('abc');
  });
});
