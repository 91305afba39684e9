/** The images of a cluster's own pods, from the programs that we built: what kubeadm and containerd name. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '@spillway/core';
import { ensureProgram, pinnedVersion } from '../binaries.ts';
import { defaultControlPlane, type GoProgram } from '../go-programs.ts';
import { copyLibraries } from './copy-libraries.ts';
import { must } from './must.ts';
import { writeOciArchive } from './oci-archive.ts';
import { writeTestImage } from './test-image.ts';

export interface Making {
  /** A node's root file system. */
  readonly debian: string;
  /** A folder for what lies between. */
  readonly work: string;
}

/** kind's containerd configuration names it. */
const sandboxImage = 'registry.k8s.io/pause:3.10';
const programsOf: Readonly<Record<string, GoProgram>> = {
  'kube-apiserver': 'kube-apiserver',
  'kube-controller-manager': 'kube-controller-manager',
  'kube-scheduler': 'kube-scheduler',
  'kube-proxy': 'kube-proxy',
  etcd: 'etcd',
  coredns: 'coredns',
  pause: 'pause',
};

/** Paths of OCI archives. */
export async function writeSystemImages(making: Making): Promise<readonly string[]> {
  const version = pinnedVersion(defaultControlPlane);
  const kubeadm = await ensureProgram('kubeadm');
  const listed = await must(kubeadm, ['config', 'images', 'list', '--kubernetes-version', version]);
  const names = [...new Set([...listed.trim().split('\n'), sandboxImage])];
  const archives: string[] = [];
  for (const name of names) archives.push(await writeSystemImage(name, making));
  const busybox = join(making.work, 'busybox.tar');
  await writeTestImage(busybox, making);
  return [...archives, busybox];
}

async function writeSystemImage(name: string, { debian, work }: Making): Promise<string> {
  const short = /([^/:]+):[^/]*$/.exec(name)?.[1] ?? '';
  const program = programsOf[short];
  if (program === undefined)
    throw new Fault('Internal', `kubeadm wants an image ${name} that we do not make`);
  const label = name.replaceAll(/[^a-z0-9.-]/g, '_');
  const root = join(work, label);
  const path = `/usr/local/bin/${short}`;
  mkdirSync(dirname(join(root, path)), { recursive: true });
  mkdirSync(join(root, 'etc'));
  mkdirSync(join(root, 'tmp'));
  await must('chmod', ['1777', join(root, 'tmp')]);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  copyFileSync(await ensureProgram(program), join(root, path));
  if (program === 'kube-proxy') await addFirewall(root, debian);
  const archive = join(work, `${label}.tar`);
  // kubeadm gives etcd, the API server and the like by name, CoreDNS by its arguments alone.
  const config = {
    ...(program === 'etcd' || program === 'kube-proxy' ? {} : { Entrypoint: [path] }),
    ...(program === 'pause' ? { User: '65535:65535' } : {}),
    WorkingDir: '/',
  };
  await writeOciArchive(archive, { name, root, config });
  return archive;
}

/** kube-proxy speaks to the kernel through these. */
async function addFirewall(root: string, debian: string): Promise<void> {
  for (const folder of ['usr/sbin', 'usr/bin', 'usr/lib', 'usr/lib64', 'run', 'var']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const folder of ['bin', 'sbin', 'lib', 'lib64'])
    symlinkSync(`usr/${folder}`, join(root, folder));
  const programs = ['xtables-nft-multi', 'conntrack', 'nft'].map((name) => `/usr/sbin/${name}`);
  for (const program of programs) copyFileSync(join(debian, program), join(root, program));
  for (const family of ['iptables', 'ip6tables']) {
    for (const action of ['', '-save', '-restore']) {
      symlinkSync('xtables-nft-multi', join(root, 'usr/sbin', `${family}${action}`));
    }
  }
  const found = await must('chroot', [debian, 'find', '/usr/lib', '-path', '*/xtables/*.so']);
  const extensions = found.trim().split('\n');
  for (const extension of extensions) {
    mkdirSync(dirname(join(root, extension)), { recursive: true });
    copyFileSync(join(debian, extension), join(root, extension));
  }
  copyFileSync(join(debian, 'etc/ethertypes'), join(root, 'etc/ethertypes'));
  await copyLibraries({ debian, root, programs: [...programs, ...extensions] });
}
