/**
 * The image of pods that really run: busybox, `docker.io/library/busybox:1`. It is Debian's dynamic one
 * with its C library, since that of busybox-static resolves no names in a container. Its wget is a script of
 * ours around busybox's, which is built without a time-out.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../binaries.ts';
import { copyLibraries } from './copy-libraries.ts';
import { ensureDebianRoot } from './debian-root.ts';
import { must } from './must.ts';
import { writeOciArchive } from './oci-archive.ts';

const name = 'docker.io/library/busybox:1';
const wget = fileURLToPath(new URL('../../kind-node/wget.sh', import.meta.url));

export interface TestImage {
  /** An OCI archive, for a node's containerd; where the node image was made here it is in there already. */
  readonly archive: string;
  readonly name: string;
}

/** Made once, kept in the cache folder. @throws Fault `InvalidConfig` where it can't be made. */
export async function ensureTestImage(): Promise<TestImage> {
  const debian = await ensureDebianRoot();
  const folder = join(cacheFolder(), 'node-image');
  const archive = join(folder, `busybox-${debian.key}-${digestOf(wget)}.tar`);
  if (existsSync(archive)) return { archive, name };
  const work = mkdtempSync(join(folder, 'busybox-work-'));
  try {
    const root = join(work, 'debian');
    mkdirSync(root);
    await must('tar', ['--numeric-owner', '-C', root, '-xpf', debian.archive]);
    const made = join(work, 'busybox.tar');
    await writeTestImage(made, { debian: root, work });
    renameSync(made, archive);
    return { archive, name };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** From a node's root file system. `work` is a folder for what lies between. */
export async function writeTestImage(
  archive: string,
  { debian, work }: { readonly debian: string; readonly work: string },
): Promise<void> {
  const root = join(work, 'busybox');
  for (const folder of ['bin', 'etc', 'root', 'proc', 'sys', 'dev', 'var/run']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  mkdirSync(join(root, 'tmp'));
  await must('chmod', ['1777', join(root, 'tmp')]);
  copyFileSync(join(debian, 'bin/busybox'), join(root, 'bin/busybox'));
  const applets = await must('chroot', [debian, '/bin/busybox', '--list']);
  for (const applet of applets.trim().split('\n')) {
    if (applet !== 'busybox' && applet !== 'wget')
      symlinkSync('busybox', join(root, 'bin', applet));
  }
  copyFileSync(wget, join(root, 'bin/wget'));
  chmodSync(join(root, 'bin/wget'), 0o755);
  await copyLibraries({ debian, root, programs: ['/bin/busybox'] });
  // Loaded only when a name is looked up.
  const libraries = await must('chroot', [debian, 'ldd', '/bin/busybox']);
  const folder = dirname(/\S*\/libc\.so\.6/.exec(libraries)?.[0] ?? '/lib/libc.so.6');
  for (const name of ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2']) {
    copyFileSync(join(debian, folder, name), join(root, folder, name));
  }
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  await writeOciArchive(archive, { name, root, config: { Cmd: ['sh'] } });
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 8);
}
