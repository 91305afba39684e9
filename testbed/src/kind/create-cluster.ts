/** Makes one kind cluster and says why when it can't. Ready it is not yet; see system-readiness.ts. */
import { Fault } from '@spillway/core';
import type { Docker } from './docker.ts';
import { lastLines } from './docker.ts';

export interface CreateOptions {
  readonly docker: Docker;
  /** The program. */
  readonly kind: string;
  readonly image: string;
  /** Docker's, of the test bed. */
  readonly network: string;
  /** Unique on this Docker daemon. */
  readonly name: string;
  readonly config: string;
  /** kind writes one here, too. */
  readonly kubeconfig: string;
  readonly onPid: (pid: number) => void;
  readonly signal: AbortSignal;
}

export interface KindNode {
  /** Of the Node object and of the container. */
  readonly name: string;
  readonly role: 'control-plane' | 'worker';
  /** IPv4, in Docker's network; another one may come with a restart. */
  readonly address: string;
}

/** @throws Fault `Unavailable` with the end of kind's log and, where there is one, the kubelet's */
export async function createCluster(options: CreateOptions): Promise<void> {
  const { docker, kind, name, image, network, config, kubeconfig, onPid, signal } = options;
  const ran = await docker.runBeside(
    kind,
    [
      'create',
      'cluster',
      `--name=${name}`,
      `--image=${image}`,
      `--kubeconfig=${kubeconfig}`,
      // Nodes that failed are kept, to be asked why.
      '--retain',
      '--wait=0s',
      '--config=-',
    ],
    { input: config, env: { KIND_EXPERIMENTAL_DOCKER_NETWORK: network }, onPid, signal },
  );
  if (ran.code === 0) return;
  const kubelet = await docker.run([
    'exec',
    `${name}-control-plane`,
    'journalctl',
    '--unit=kubelet',
    '--lines=12',
    '--no-pager',
    '--output=cat',
  ]);
  const why = kubelet.code === 0 ? `\nits kubelet:\n${lastLines(kubelet)}` : '';
  throw new Fault('Unavailable', `kind cluster ${name} was not made:\n${lastLines(ran, 20)}${why}`);
}

/** The control plane's first. */
export async function nodesOf(docker: Docker, name: string): Promise<readonly KindNode[]> {
  const ids = await docker.call([
    'ps',
    '--all',
    '--quiet',
    `--filter=label=io.x-k8s.kind.cluster=${name}`,
  ]);
  const format =
    '{{.Name}} {{index .Config.Labels "io.x-k8s.kind.role"}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  const lines = await docker.call(['inspect', `--format=${format}`, ...ids.split('\n')]);
  return lines
    .split('\n')
    .map((line) => {
      const [container = '', role, address = ''] = line.split(' ');
      return {
        name: container.replace(/^\//, ''),
        role: role === 'control-plane' ? ('control-plane' as const) : ('worker' as const),
        address,
      };
    })
    .toSorted((a, b) => a.role.localeCompare(b.role) || a.name.localeCompare(b.name));
}

/** Of all kind clusters on the Docker daemon. */
export async function runningNodes(docker: Docker): Promise<number> {
  const ids = await docker.call(['ps', '--quiet', '--filter=label=io.x-k8s.kind.cluster']);
  return ids.split('\n').filter((id) => id !== '').length;
}
