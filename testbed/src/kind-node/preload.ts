/** Images unpacked into a node's containerd before it ever runs, as `kind build node-image` does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@spillway/core';
import { ensureProgram } from '../binaries.ts';
import { killAtEnd } from '../ends.ts';
import { waitFor } from '../wait-for.ts';
import { must } from './must.ts';

const readyMsMax = 30_000;
/** None that wants a network, a runtime or a device. */
const disabled = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri',
  'io.containerd.internal.v1.opt',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.erofs',
  'io.containerd.differ.v1.erofs',
];

export async function preload(
  archives: readonly string[],
  { root, work }: { readonly root: string; readonly work: string },
): Promise<void> {
  const [containerd, ctr] = [await ensureProgram('containerd'), await ensureProgram('ctr')];
  const folder = join(work, 'containerd');
  mkdirSync(folder);
  const socket = join(folder, 's');
  const config = join(folder, 'config.toml');
  writeFileSync(
    config,
    `version = 3
root = ${JSON.stringify(join(root, 'var/lib/containerd'))}
state = ${JSON.stringify(join(folder, 'state'))}
imports = []
disabled_plugins = ${JSON.stringify(disabled)}
[grpc]
  address = ${JSON.stringify(socket)}
[ttrpc]
  address = ${JSON.stringify(`${socket}.ttrpc`)}
`,
  );
  // Its mounts, and all that it starts, end with it.
  const flags = ['--mount', '--pid', '--fork', '--kill-child', containerd, '--config', config];
  const child = spawn('unshare', flags, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  killAtEnd(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000);
  });
  const ended = once(child, 'exit');
  try {
    const command = [`--mount=/proc/${child.pid}/ns/mnt`, ctr, '--address', socket];
    await waitFor(
      'containerd answers',
      async () => await must('nsenter', [...command, 'namespaces', 'list']),
      {
        timeoutMs: readyMsMax,
        hopeless: () =>
          child.exitCode === null
            ? undefined
            : new Fault('Unavailable', `containerd did not start:\n${said}`),
      },
    );
    const labels = ['io.cri-containerd.pinned=pinned', 'io.cri-containerd.image=managed'];
    const importing = ['--namespace=k8s.io', 'images', 'import', '--local'];
    const unpacking = ['--discard-unpacked-layers', '--snapshotter=overlayfs'];
    const labelling = labels.map((label) => `--label=${label}`);
    for (const archive of archives) {
      const args = [...command, ...importing, ...unpacking, ...labelling, archive];
      await must('nsenter', args);
    }
    await must('nsenter', [...command, '--namespace=k8s.io', 'content', 'prune', 'references']);
  } finally {
    // containerd first, so that its databases are closed.
    if (child.pid !== undefined && child.exitCode === null) {
      const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      for (const pid of children.trim().split(' ').filter(Boolean))
        process.kill(Number(pid), 'SIGTERM');
    }
    await ended;
  }
}
