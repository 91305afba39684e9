/**
 * The image of kind's nodes. Where an image registry can be reached, it is kind's own. Otherwise it is built
 * here, as kind's Dockerfile and `kind build node-image` do it. It has Debian's packages, kind's own files
 * from its Go module, and programs that we built. The system's images are already unpacked. Nothing in it
 * depends on the machine: what a machine needs is in kind's configuration (node-settings.ts).
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import lockfile from 'proper-lockfile';
import { cacheFolder, ensureProgram, moduleFolder, moduleKey, pinnedVersion } from '../binaries.ts';
import { dockerCall } from '../docker/docker-client.ts';
import { ensureDocker } from '../docker/ensure-docker.ts';
import { defaultControlPlane, type GoModule, type GoProgram } from '../go-programs.ts';
import { timed } from '../progress.ts';
import { type DebianRoot, ensureDebianRoot } from './debian-root.ts';
import { must } from './must.ts';
import { writeOciArchive } from './oci-archive.ts';
import { preload } from './preload.ts';
import { registryAnswers } from './registry.ts';
import { writeSystemImages } from './system-images.ts';

/** The stand-in for kindnet, and what else kind would bring from elsewhere. */
const ownFiles = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'kind-node');
const modules: readonly GoModule[] = [
  defaultControlPlane,
  'kind',
  'containerd',
  'crictl',
  'coredns',
  'own',
];
/** To be raised when this program makes something else of the same inputs. */
const recipe = 2;
const lockStaleMs = 60_000;

/** The image's name, for kind; pulled or made when the daemon lacks it. @throws Fault */
export async function ensureNodeImage(): Promise<string> {
  const { env } = await ensureDocker();
  const host = env['DOCKER_HOST'];
  const upstream = `kindest/node:${pinnedVersion(defaultControlPlane)}`;
  if (await hasImage(host, upstream)) return upstream;
  if ((await registryAnswers()) && (await pulled(host, upstream))) return upstream;
  const { archive, name } = await ensureNodeArchive();
  if (await hasImage(host, name)) return name;
  await timed('loading the node image into Docker', async () => {
    await dockerCall(host, ['load', '--quiet', '--input', archive]);
  });
  return name;
}

/** As in kind's Dockerfile. Systemd looks for the variable, and ends at this signal only. */
const env = ['container=docker'];
const config = {
  Entrypoint: ['/usr/local/bin/entrypoint', '/sbin/init'],
  StopSignal: 'SIGRTMIN+3',
};

export interface NodeArchive {
  /** Lies in the cache folder. */
  readonly archive: string;
  readonly name: string;
}

/** Whether one lies in the cache folder; not whether it is this version's. */
export function isNodeImageMade(): boolean {
  const folder = join(cacheFolder(), 'node-image');
  return existsSync(folder) && readdirSync(folder).some((name) => /^node-.*\.tar$/.test(name));
}

/** Made once per set of inputs, with progress on standard error; the ones before are removed. */
export async function ensureNodeArchive(): Promise<NodeArchive> {
  const debian = await ensureDebianRoot();
  const key = inputsKey(debian);
  const folder = join(cacheFolder(), 'node-image');
  const archive = join(folder, `node-${key}.tar`);
  const name = `spillway/kind-node:${pinnedVersion(defaultControlPlane)}-${key}`;
  if (existsSync(archive)) return { archive, name };
  const release = await lockfile.lock(folder, {
    stale: lockStaleMs,
    retries: { forever: true, minTimeout: 500, maxTimeout: 2_000 },
    onCompromised: () => {},
  });
  try {
    if (!existsSync(archive)) {
      for (const stale of readdirSync(folder)) {
        if (/^(node|work)-/.test(stale)) rmSync(join(folder, stale), { recursive: true });
      }
      const work = mkdtempSync(join(folder, 'work-'));
      try {
        await makeArchive({ archive, name, debian, work });
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    }
    return { archive, name };
  } finally {
    await release().catch(() => {});
  }
}

interface Making extends NodeArchive {
  readonly debian: DebianRoot;
  readonly work: string;
}

async function makeArchive({ archive, name, debian, work }: Making): Promise<void> {
  const programs = await nodePrograms();
  const root = join(work, 'root');
  mkdirSync(root);
  await must('tar', ['--numeric-owner', '-C', root, '-xpf', debian.archive]);
  const images = await timed('making the system images', () =>
    writeSystemImages({ debian: root, work }),
  );
  await timed('making the node image', async () => {
    addKindFiles(root);
    await addPrograms(root, programs);
    await enableServices(root);
    await preload(images, { root, work });
    await writeOciArchive(archive, { name, root, keepsOwners: true, env, config });
  });
}

const placeOf = {
  containerd: 'usr/local/bin',
  'containerd-shim-runc-v2': 'usr/local/bin',
  ctr: 'usr/local/bin',
  crictl: 'usr/local/bin',
  kubeadm: 'usr/bin',
  kubelet: 'usr/bin',
  kubectl: 'usr/bin',
} as const satisfies Partial<Record<GoProgram, string>>;
type NodePrograms = Readonly<Record<keyof typeof placeOf, string>>;

async function nodePrograms(): Promise<NodePrograms> {
  const paths: Partial<Record<keyof typeof placeOf, string>> = {};
  for (const program of Object.keys(placeOf) as (keyof typeof placeOf)[]) {
    paths[program] = await ensureProgram(program);
  }
  return paths as NodePrograms;
}

/** kind's images/base/files, with the modes that its Dockerfile gives them, and ours. */
function addKindFiles(root: string): void {
  const kind = join(moduleFolder('kind'), 'images/base/files');
  for (const file of readdirSync(kind, { recursive: true, encoding: 'utf8' })) {
    const isProgram = /^(usr\/local\/bin|kind\/bin)\//.test(file);
    const wanted = isProgram || file.startsWith('etc/');
    if (wanted && statSync(join(kind, file)).isFile())
      install(join(kind, file), join(root, file), isProgram);
  }
  install(join(ownFiles, 'kindnet.sh'), join(root, 'kind/bin/kindnet.sh'), true);
  for (const manifest of ['default-cni.yaml', 'default-storage.yaml']) {
    install(join(ownFiles, manifest), join(root, 'kind/manifests', manifest), false);
  }
  writeFileSync(join(root, 'kind/version'), pinnedVersion(defaultControlPlane));
  appendFileSync(join(root, 'etc/systemd/journald.conf'), 'ReadKMsg=no\n');
}

function install(from: string, to: string, isProgram: boolean): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, isProgram ? 0o755 : 0o644);
}

async function addPrograms(root: string, programs: NodePrograms): Promise<void> {
  for (const [program, folder] of Object.entries(placeOf)) {
    install(programs[program as keyof NodePrograms], join(root, folder, program), true);
  }
  const plugins = join(root, 'opt/cni/bin');
  mkdirSync(plugins, { recursive: true });
  for (const plugin of ['host-local', 'loopback', 'ptp', 'portmap', 'bridge']) {
    cpSync(join(root, 'usr/lib/cni', plugin), join(plugins, plugin));
  }
  rmSync(join(root, 'usr/lib/cni'), { recursive: true });
  const spec = JSON.parse(await must(programs.ctr, ['oci', 'spec'])) as {
    hooks?: { createContainer?: object[] };
    process: { rlimits?: unknown };
  };
  const hook = { path: '/kind/bin/mount-product-files.sh' };
  spec.hooks = { createContainer: [...(spec.hooks?.createContainer ?? []), hook] };
  delete spec.process.rlimits;
  writeFileSync(join(root, 'etc/containerd/cri-base.json'), JSON.stringify(spec));
}

/** In a container most of what a machine starts is in the way. */
async function enableServices(root: string): Promise<void> {
  const unwanted = [
    'lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service',
    'lib/systemd/system/multi-user.target.wants/*',
    'etc/systemd/system/*.wants/*',
    'lib/systemd/system/local-fs.target.wants/*',
    'lib/systemd/system/sockets.target.wants/*udev*',
    'lib/systemd/system/sockets.target.wants/*initctl*',
    'lib/systemd/system/basic.target.wants/*',
  ];
  await must('chroot', [root, 'sh', '-c', `cd / && rm -f ${unwanted.join(' ')}`]);
  mkdirSync(join(root, 'etc/kubernetes/manifests'), { recursive: true });
  const services = ['kubelet.service', 'containerd.service', 'undo-mount-hacks.service'];
  await must('chroot', [root, 'systemctl', 'enable', ...services]);
  // They would change binfmt_misc and sysctls, which are the whole machine's.
  const machineWide = ['systemd-binfmt.service', 'systemd-sysctl.service'];
  await must('chroot', [root, 'systemctl', 'mask', ...machineWide]);
}

function inputsKey(debian: DebianRoot): string {
  const hash = createHash('sha256').update(`${recipe} ${debian.key}`);
  for (const module of modules) hash.update(moduleKey(module));
  for (const file of readdirSync(ownFiles).toSorted())
    hash.update(readFileSync(join(ownFiles, file)));
  return hash.digest('hex').slice(0, 12);
}

async function hasImage(host: string | undefined, name: string): Promise<boolean> {
  return await dockerCall(host, ['image', 'inspect', '--format={{.Id}}', name]).then(
    () => true,
    () => false,
  );
}

/** Not every version of Kubernetes has an image there. */
async function pulled(host: string | undefined, name: string): Promise<boolean> {
  return await timed(`pulling ${name}`, () =>
    dockerCall(host, ['pull', '--quiet', name]).then(
      () => true,
      () => false,
    ),
  );
}
