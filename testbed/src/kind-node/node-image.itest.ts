import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dockerCall } from '../docker/docker-client.ts';
import { findDocker } from '../docker/ensure-docker.ts';
import { stopUnusedDocker } from '../docker/own-daemon.ts';
import { waitFor } from '../wait-for.ts';
import { ensureNodeImage } from './node-image.ts';
import { writeOciArchive } from './oci-archive.ts';

const container = `spillway-node-test-${process.pid}`;
const bootMsMax = 60_000;
/** On a new machine some ten programs are built first. */
const madeMsMax = 40 * 60_000;
const mayStart = process.platform === 'linux' && process.getuid?.() === 0;

describe.runIf(mayStart)('the node image', async () => {
  const before = await findDocker();

  const docker = async (...args: string[]): Promise<string> =>
    await dockerCall((await findDocker())?.env['DOCKER_HOST'], args);

  let image = '';
  beforeAll(async () => {
    image = await ensureNodeImage();
  }, madeMsMax);

  afterAll(async () => {
    await docker('rm', '--force', '--volumes', container);
    if (before === undefined) await stopUnusedDocker();
  });

  test('boots systemd and containerd with all images there, and ends when told to', async () => {
    // As kind runs it.
    const flags = ['--privileged', '--cgroupns=private', '--tmpfs=/tmp', '--tmpfs=/run'];
    const volumes = ['--volume=/var', '--volume=/lib/modules:/lib/modules:ro'];
    await docker('run', '--detach', `--name=${container}`, ...flags, ...volumes, image);
    const inside = async (...args: string[]): Promise<string> =>
      await docker('exec', container, ...args);
    await waitFor(
      'containerd is active',
      async () => (await inside('systemctl', 'is-active', 'containerd')) === 'active' || undefined,
      { timeoutMs: bootMsMax },
    );
    const images = await inside('crictl', 'images', '--output=json');
    const wanted = await inside('kubeadm', 'config', 'images', 'list');
    for (const name of [...wanted.split('\n'), 'docker.io/library/busybox:1']) {
      expect(images).toContain(`"${name}"`);
    }
    await docker('stop', '--time=30', container);
    // 137 would be: killed, since it did not end by itself.
    const code = await docker('inspect', '--format={{.State.ExitCode}}', container);
    expect(code).not.toBe('137');
  });

  test('the same files give the same archive, whenever they were written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-oci-'));
    try {
      const archives = [1, 2].map((seconds) => {
        const root = join(folder, `root-${seconds}`);
        mkdirSync(root);
        writeFileSync(join(root, 'file'), 'content');
        utimesSync(join(root, 'file'), seconds, seconds);
        return { root, archive: join(folder, `${seconds}.tar`) };
      });
      for (const { root, archive } of archives) {
        await writeOciArchive(archive, { name: 'example.org/one:1', root, config: {} });
      }
      const [first, second] = archives.map(({ archive }) => readFileSync(archive));
      expect(second?.equals(first ?? Buffer.alloc(0))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
