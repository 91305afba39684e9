/**
 * Settings of the whole machine that a kubelet changes, in its container or not, or we for it. The first kind test bed
 * of a machine writes down what they were, the last one puts them back; so that it may outlive any one
 * of them, that file is in nobody's folder. Where we are not root we can't, and leave them as they are.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inotifySettings } from '../docker/machine-limits.ts';
import type { DockerAccess } from '../docker/ensure-docker.ts';

/** pkg/kubelet/cm: setupKernelTunables; and what we raise ourselves. */
const names = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  ...inotifySettings,
];

const file = join(tmpdir(), 'spillway-sysctls');

/** To be called before the first node starts; returns the shell script that undoes it when no node is left. */
export function keepSysctls({ docker }: Pick<DockerAccess, 'docker'>): string {
  if (process.getuid?.() !== 0) return '';
  const lines = names.map((name) => `${name} ${readFileSync(`/proc/sys/${name}`, 'utf8')}`);
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
