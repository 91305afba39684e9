/**
 * The image as a node would have it: built, unpacked, and run as the user nobody, as process 1, on a root
 * that is read-only. Needs root for mounts and for the other user, and no Docker.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { zstdDecompressSync } from 'node:zlib';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { cacheFolder } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { writeAppFolder } from './app-folder.ts';
import { type BuiltImage, buildImage } from './build-image.ts';
import { agentCommand, cliCommand } from './image-config.ts';
import { ownPlatform, type Platform } from './platform.ts';
import { version } from './recipe.ts';

/** Fetches and compresses Node: a quarter of a minute alone, minutes on a busy machine. */
const wholeBuildMsMax = 600_000;

const folder = mkdtempSync(join(tmpdir(), 'spillway-image-test-'));
const root = join(folder, 'root');
let image: BuiltImage;
let environment: Record<string, string>;

beforeAll(async () => {
  image = await buildImage();
  environment = unpack(image, root);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** With tar and zstd alone, by the digests in the layout. Gives the image's environment. */
function unpack({ archive }: BuiltImage, into: string): Record<string, string> {
  const layout = `${into}.layout`;
  for (const each of [layout, into]) mkdirSync(each, { recursive: true });
  execFileSync('tar', ['xf', archive, '-C', layout]);
  const blob = (digest: string) => readFileSync(join(layout, 'blobs', digest.replace(':', '/')));
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const manifest = JSON.parse(blob(index.manifests[0].digest).toString());
  for (const { digest } of manifest.layers) {
    execFileSync('tar', ['xf', '-', '-C', into], { input: zstdDecompressSync(blob(digest)) });
  }
  const { config } = JSON.parse(blob(manifest.config.digest).toString());
  return Object.fromEntries(config.Env.map((each: string) => each.split(/=(.*)/s).slice(0, 2)));
}

/** A pod's circumstances: read-only root, an empty /tmp, no other process, no privilege to gain. */
const pod = `
  set -e
  mount --bind "$1" "$1"
  mount -o remount,bind,ro "$1"
  mount -t tmpfs -o size=16m,mode=1777 tmpfs "$1/tmp"
  [ -z "$2" ] || cp -r "$2" "$1/tmp/identity"
  chmod -R a+rX "$1/tmp"
  mount -t proc proc "$1/proc"
  root=$1; shift 2
  exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$root" "$@"
`;

/** What `unshare` is to run it with. `identity`: a folder to find at /tmp/identity. */
function inPod(command: readonly string[], identity = ''): string[] {
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
  return [...apart, 'sh', '-c', pod, 'pod', root, identity, ...command];
}

/** As the image has it; the path is for what makes the pod. */
function environmentOf(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...environment, ...more, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
}

function run(command: readonly string[], variables?: Record<string, string>) {
  return spawnSync('unshare', inPod(command), { encoding: 'utf8', env: environmentOf(variables) });
}

describe('the image, run as nobody on a read-only root', () => {
  test('starts the agent', () => {
    const { status, stdout, stderr } = run([...agentCommand, '--help']);
    expect(stderr).toBe('');
    expect(stdout).toContain('spillway-agent: lends and borrows room');
    expect(status).toBe(0);
  });

  test('starts the command line, the same program as in the npm package', () => {
    const { status, stdout, stderr } = run([...cliCommand, '--version']);
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe(version);
    expect(status).toBe(0);
  });

  test('finds the code that V8 made when it was built', () => {
    for (const command of [agentCommand, cliCommand]) {
      const { stderr } = run([...command, '--help'], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
      expect(stderr).toContain('was accepted');
      expect(stderr).not.toContain('was rejected');
    }
  });

  test('is who it should be, writes to /tmp only, and resolves names', () => {
    const script = `
      const fs = require('fs');
      const write = (file) => { try { fs.writeFileSync(file, ''); return 'written'; } catch (e) { return e.code; } };
      require('dns').lookup('localhost', (error, address) => console.log(JSON.stringify({
        uid: process.getuid(), groups: process.getgroups(), user: require('os').userInfo().username,
        app: write('/app/x'), tmp: write('/tmp/x'), address: error ? error.code : address,
        roots: fs.readFileSync(process.env.SSL_CERT_FILE, 'utf8').split('BEGIN CERTIFICATE').length > 100,
      })));`;
    const { stdout, stderr } = run(['/nodejs/bin/node', '-e', script]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      uid: 65_532,
      groups: [65_532],
      user: 'nonroot',
      app: 'EROFS',
      tmp: 'written',
      address: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
      roots: true,
    });
  });

  test('has every library that Node asks for', () => {
    const [loader = ''] = readdirSync(join(root, 'lib64'));
    const { stdout } = run([join('/lib64', loader), '--list', '/nodejs/bin/node']);
    expect(stdout).toContain('libstdc++.so.6 =>');
    expect(stdout).not.toContain('not found');
  });

  test('ends with 2 where the configuration is wrong, and says what is', () => {
    const { status, stderr } = run([...agentCommand, '--set', 'cluster=Lyon!']);
    expect(stderr).toContain('cluster name "Lyon!"');
    expect(status).toBe(2);
  });

  test('as process 1, with no home and no API server in reach, stops on SIGTERM with 0', async () => {
    const identity = join(folder, 'identity');
    const cli = (...args: readonly string[]) =>
      execFileSync(process.execPath, [join(root, 'app/spillway.mjs'), 'federation', ...args], {
        cwd: folder,
      });
    cli('init', '--out', 'federation');
    cli('admit', '--root', 'federation/federation.key', '--cluster', 'lyon', '--out', 'identity');
    cpSync(join(folder, 'federation/federation.pub'), join(identity, 'federation.pub'));
    writeFileSync(join(identity, 'kubeconfig'), unreachable);
    const settings = {
      cluster: 'lyon',
      kubeconfig: '/tmp/identity/kubeconfig',
      'http.port': '0',
      'identity.key': '/tmp/identity/peer.key',
      'identity.certificate': '/tmp/identity/membership.cert',
      'identity.federation': '/tmp/identity/federation.pub',
    };
    const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const child = spawn('unshare', inPod([...agentCommand, ...flags], identity), {
      env: environmentOf(),
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    const said = text(child.stderr);
    await Promise.race([linesUntil(child.stderr, '"msg":"started"'), once(child, 'exit')]);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    process.kill(Number(children.trim()), 'SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code, await said).toBe(0);
  });
});

const unreachable = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'nowhere',
  contexts: [{ name: 'nowhere', context: { cluster: 'nowhere', user: 'nobody' } }],
  clusters: [{ name: 'nowhere', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'nobody', user: { token: 'none' } }],
});

async function linesUntil(stream: NodeJS.ReadableStream, wanted: string): Promise<void> {
  let heard = '';
  await new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.includes(wanted)) resolve();
    });
  });
}

describe('the image', () => {
  test('has no shell, no package manager, nothing set-uid: Node is its only program', () => {
    const programs = filesIn(root)
      .filter((file) => lstatSync(file).isFile())
      .filter((file) => (lstatSync(file).mode & 0o6000) !== 0 || isProgram(file))
      .map((file) => file.slice(root.length));
    expect(programs).toEqual(['/nodejs/bin/node']);
  });

  test('is as small as promised, and its layers add up', () => {
    expect(image.layers.map(({ name }) => name)).toEqual(['base', 'node', 'app']);
    expect(image.bytes).toBe(image.layers.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(image.bytes).toBeLessThan(120e6);
  });

  test('carries the bill of materials that lies beside it, valid by its schema', async () => {
    const sbom = readFileSync(image.sbom, 'utf8');
    expect(readFileSync(join(root, 'app/sbom.json'), 'utf8')).toBe(sbom);
    expect(await new JsonStrictValidator(Version.v1dot6).validate(sbom)).toBe(null);
    const components: { purl: string; licenses?: unknown[] }[] = JSON.parse(sbom).components;
    const purls = components.map(({ purl }) => purl);
    for (const wanted of [
      'pkg:npm/libp2p@',
      'pkg:npm/commander@',
      'pkg:generic/node@',
      'pkg:deb/debian/libc6@',
    ]) {
      expect(
        purls.some((purl) => purl.startsWith(wanted)),
        wanted,
      ).toBe(true);
    }
    expect(purls.some((purl) => purl.includes('vitest') || purl.includes('esbuild'))).toBe(false);
    expect(components.filter(({ licenses = [] }) => licenses.length === 0)).toEqual([]);
  });

  test('has the same programs as the Dockerfile copies', async () => {
    const app = join(folder, 'app');
    await writeAppFolder(app);
    for (const program of ['agent.mjs', 'spillway.mjs', 'THIRD-PARTY-NOTICES.txt']) {
      expect(
        readFileSync(join(app, program)).equals(readFileSync(join(root, 'app', program))),
      ).toBe(true);
    }
    const sbom = readFileSync(join(app, 'sbom.json'), 'utf8');
    expect(sbom).toContain('pkg:npm/libp2p@');
    expect(sbom).not.toContain('pkg:deb/');
  });

  test(
    'made again from the same packages it has the same digest',
    async () => {
      const other = join(folder, 'cache');
      for (const kept of ['npm', 'debian']) {
        cpSync(join(cacheFolder(), 'image', kept), join(other, 'image', kept), {
          recursive: true,
          preserveTimestamps: true,
        });
      }
      vi.stubEnv('SPILLWAY_CACHE', other);
      const again = await buildImage();
      vi.unstubAllEnvs();
      expect(again.archive.startsWith(other)).toBe(true);
      expect(again.digest).toBe(image.digest);
      expect(readFileSync(again.archive).equals(readFileSync(image.archive))).toBe(true);
    },
    wholeBuildMsMax,
  );

  test(
    'built for the other processor it has that one’s code only',
    async () => {
      const platform: Platform = ownPlatform() === 'linux/amd64' ? 'linux/arm64' : 'linux/amd64';
      const foreign = join(folder, 'foreign');
      unpack(await buildImage({ platform }), foreign);
      const machines = new Set(
        filesIn(foreign)
          .map(elfMachine)
          .filter((each) => each !== undefined),
      );
      expect([...machines]).toEqual([platform === 'linux/arm64' ? 183 : 62]);
    },
    wholeBuildMsMax,
  );
});

function filesIn(top: string): string[] {
  return readdirSync(top, { recursive: true, encoding: 'utf8' }).map((path) => join(top, path));
}

/** `e_machine` of an ELF file. */
function elfMachine(file: string): number | undefined {
  if (!lstatSync(file).isFile()) return undefined;
  const content = readFileSync(file);
  return isElf(content) ? content.readUInt16LE(18) : undefined;
}

/** Something that can be run by name: not a library. */
function isProgram(file: string): boolean {
  const content = readFileSync(file);
  if (/\.so(\.[0-9.]+)?$/.test(file)) return false;
  return (
    isElf(content) ||
    (content.subarray(0, 2).toString() === '#!' && (lstatSync(file).mode & 0o111) !== 0)
  );
}

function isElf(content: Buffer): boolean {
  return content.subarray(1, 4).toString() === 'ELF';
}
