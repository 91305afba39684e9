/** A node's root file system before anything of Kubernetes: Debian packages, from where this machine gets its own. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { cacheFolder } from '../binaries.ts';
import { ensurePackages } from '../docker/debian-packages.ts';
import { timed } from '../progress.ts';
import { must } from './must.ts';

/** What kind's own base image installs, without network storage; runc and the CNI plugins are Debian's too. */
const packages = `systemd systemd-sysv dbus bash ca-certificates curl jq procps pigz
conntrack ethtool iproute2 iptables nftables socat
kmod libseccomp2 mount util-linux
containernetworking-plugins runc busybox`.split(/\s+/);

/** Of no use in a node. */
const unneeded = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'var/log',
  'var/cache/apt',
  'var/lib/apt/lists',
  'usr/lib/udev/hwdb.d',
  'usr/lib/udev/hwdb.bin',
];

export interface DebianRoot {
  /** A tar file. */
  readonly archive: string;
  /** Changes with what is in it. */
  readonly key: string;
}

/** Made once, kept in the cache folder. @throws Fault `InvalidConfig` where it can't be made. */
export async function ensureDebianRoot(): Promise<DebianRoot> {
  await ensurePackages({ debootstrap: 'debootstrap', unshare: 'util-linux' });
  const { site, suite, components } = await aptSource();
  const key = createHash('sha256')
    .update(JSON.stringify([suite, process.arch, packages, unneeded]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheFolder(), 'node-image');
  mkdirSync(folder, { recursive: true });
  const archive = join(folder, `debian-${key}.tar`);
  if (existsSync(archive)) return { archive, key };
  await timed(`installing Debian's ${suite} for nodes`, async () => {
    const work = mkdtempSync(join(folder, 'debian-work-'));
    try {
      const root = join(work, 'root');
      // In a mount namespace of its own, so that no mount is left if it is killed. It does not wait for the
      // disk, since what a crash leaves is deleted.
      const isolated = ['--mount', '--pid', '--fork', '--kill-child', 'debootstrap'];
      const wanted = [`--components=${components}`, `--include=${packages.join(',')}`];
      await must('unshare', [...isolated, '--variant=minbase', ...wanted, suite, root, site], {
        env: { DPKG_FORCE: 'unsafe-io' },
      });
      for (const path of unneeded) empty(join(root, path));
      await must('tar', ['--numeric-owner', '-C', root, '-cf', `${work}.partial`, '.']);
      renameSync(`${work}.partial`, archive);
    } finally {
      rmSync(`${work}.partial`, { force: true });
      rmSync(work, { recursive: true, force: true });
    }
  });
  return { archive, key };
}

interface AptSource {
  readonly site: string;
  readonly suite: string;
  readonly components: string;
}

/** The first mirror of the distribution itself in this machine's own configuration. @throws Fault `InvalidConfig` */
async function aptSource(): Promise<AptSource> {
  const { VERSION_CODENAME: codename = '' } = await osRelease();
  const format = '$(SITE) $(RELEASE) $(COMPONENT)';
  const lines = await must('apt-get', [
    'indextargets',
    `--format=${format}`,
    'Identifier: Packages',
  ]);
  const sources = lines.split('\n').map((line) => line.split(' '));
  const own = sources.filter(
    ([, release, component]) => release === codename && component === 'main',
  );
  const [site] = own[0] ?? [];
  if (site === undefined) {
    throw new Fault(
      'InvalidConfig',
      `apt names no mirror of ${codename || 'a Debian release'} (component main): "apt-get indextargets" shows what it knows`,
    );
  }
  const components = sources
    .filter(([other, release]) => other === site && release === codename)
    .map(([, , component]) => component);
  return { site, suite: codename, components: [...new Set(components)].join(',') };
}

async function osRelease(): Promise<Record<string, string>> {
  const text = await must('cat', ['/etc/os-release']);
  return Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.split('=', 2))
      .map(([name = '', value = '']) => [name, value.replaceAll('"', '')]),
  );
}

function empty(path: string): void {
  if (!existsSync(path)) return;
  if (path.endsWith('.bin')) {
    rmSync(path);
    return;
  }
  for (const entry of readdirSync(path)) rmSync(join(path, entry), { recursive: true });
}
