/**
 * Settings of the whole machine that a node changes although it is a container, or that we change for it.
 * The first kind test bed of a machine writes down what they were, and the last one restores them. That file
 * is in no test bed's folder, so that it can outlive each of them. Without root we cannot change them, and
 * leave them as they are. A test compares all settings of the machine before and after
 * (leaves-nothing.itest.ts).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inotifySettings } from '../docker/machine-limits.ts';
import type { DockerAccess } from '../docker/ensure-docker.ts';

/** pkg/kubelet/cm: setupKernelTunables. */
const ofKubelets = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];
/** src/core/main.c: bump_file_max_and_nr_open, which no configuration of a node keeps it from. */
const ofSystemd = ['fs/file-max', 'fs/nr_open'];
/** sysctl.d of Debian's and of upstream's systemd; the node image made here does not apply it, a pulled one does. */
const ofSysctlD = [
  'fs/protected_fifos',
  'fs/protected_hardlinks',
  'fs/protected_regular',
  'fs/protected_symlinks',
  'fs/suid_dumpable',
  'kernel/core_pattern',
  'kernel/core_pipe_limit',
  'kernel/core_uses_pid',
  'kernel/pid_max',
  'kernel/sysrq',
  'vm/max_map_count',
];
const names = [...ofKubelets, ...ofSystemd, ...ofSysctlD, ...inotifySettings];

const file = join(tmpdir(), 'spillway-sysctls');

/** To be called before the first node starts; returns the shell script that undoes it when no node is left. */
export function keepSysctls({ docker }: Pick<DockerAccess, 'docker'>): string {
  if (process.getuid?.() !== 0) return '';
  const known = names.filter((name) => existsSync(`/proc/sys/${name}`));
  const lines = known.map((name) => `${name} ${readFileSync(`/proc/sys/${name}`, 'utf8')}`);
  try {
    writeFileSync(file, lines.join(''), { flag: 'wx' });
  } catch {
    // Another test bed runs, and has changed them already.
  }
  return `if [ -e '${file}' ] && [ -z "$('${docker}' ps --all --quiet --filter label=io.x-k8s.kind.cluster)" ]; then
  while read -r name value; do echo "$value" > "/proc/sys/$name"; done < '${file}'
  rm -f '${file}'
fi`;
}
