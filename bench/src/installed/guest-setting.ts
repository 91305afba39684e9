/** Where guests of paris meet a host: what the host has of its own, what lies beyond it, and the guests. */
import type { Pod } from '@spillway/core';
import { type KindCluster, waitFor } from '@spillway/testbed';
import { stringify } from 'yaml';
import { activePod, meshNodePort } from './installation.ts';
import { metadataAddress, publicAddress, servedPort, type Targets } from './guest-tries.ts';

/** Only the host has a node with that label: a pod that selects it becomes a guest there. */
export const hostLabel = { site: 'lyon' };
export const shopGuests = 'spillway-paris-shop';
const bakeryGuests = 'spillway-paris-bakery';
/** Of the agent's image. */
export const node = '/nodejs/bin/node';
const busybox = 'docker.io/library/busybox:1';

interface Serving {
  readonly image?: string;
  readonly command: readonly string[];
  readonly port?: number;
  readonly securityContext?: object;
}

/** A pod whose one container serves at a port, and is probed there by the kubelet. */
function podOf(namespace: string, name: string, serving: Serving, spec: object = {}): object {
  const { image = busybox, command, port = servedPort, securityContext = {} } = serving;
  const main = {
    name: 'main',
    image,
    imagePullPolicy: 'IfNotPresent',
    command,
    securityContext,
    readinessProbe: { httpGet: { path: '/', port }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '8Mi' } },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 0, containers: [main], ...spec },
  };
}

function httpd(port = servedPort, before: readonly string[] = []): readonly string[] {
  const serve = ['mkdir /tmp/w', 'touch /tmp/w/index.html', `exec httpd -f -p ${port} -h /tmp/w`];
  return ['sh', '-c', [...before, ...serve].join('; ')];
}

/** Of a pod that is to run at the host. */
export const away = { schedulerName: 'spillway', nodeSelector: hostLabel };
const namespaceOf = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
});

/** A guest in `shop` that can run guest-program.ts. */
export function nodeGuest(name: string, image: string): object {
  const serve = `require('http').createServer((_, answer) => answer.end()).listen(${servedPort})`;
  return podOf('shop', name, { image, command: [node, '-e', serve] }, away);
}

function guests(image: string): readonly object[] {
  return [
    namespaceOf('shop'),
    namespaceOf('bakery'),
    nodeGuest('guest', image),
    podOf('shop', 'sibling', { command: httpd() }, away),
    podOf('bakery', 'stranger', { command: httpd() }, away),
  ];
}

const beyondAddresses = [metadataAddress, publicAddress];

/** `beyond` stands for what a cluster's nodes lead to: the metadata service of a cloud, and the internet. */
const ofTheHost: readonly object[] = [
  namespaceOf('market'),
  podOf('market', 'till', { command: httpd() }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'till', namespace: 'market' },
    spec: { type: 'NodePort', selector: { app: 'till' }, ports: [{ port: servedPort }] },
  },
  podOf('market', 'beyond', {
    command: httpd(
      80,
      beyondAddresses.map((address) => `ip addr add ${address}/32 dev lo`),
    ),
    port: 80,
    securityContext: { capabilities: { add: ['NET_ADMIN'] } },
  }),
];

export async function applyAll(cluster: KindCluster, objects: readonly object[]): Promise<void> {
  await cluster.apply(objects.map((object) => stringify(object)).join('---\n'));
}

interface Service {
  readonly spec: {
    readonly clusterIP: string;
    readonly ports: readonly { readonly port: number; readonly nodePort: number }[];
  };
}

/** `image` is the agent's. Resolves when all of it serves. */
export async function makeSetting(
  { home, host }: { readonly home: KindCluster; readonly host: KindCluster },
  image: string,
): Promise<Targets> {
  await Promise.all([applyAll(home, guests(image)), applyAll(host, ofTheHost)]);
  const [till, beyond, , sibling, stranger] = await Promise.all([
    ready(host, 'market', 'till'),
    ready(host, 'market', 'beyond'),
    ready(host, shopGuests, 'guest'),
    ready(host, shopGuests, 'sibling'),
    ready(host, bakeryGuests, 'stranger'),
  ]);
  const [first] = host.realNodes;
  if (first === undefined) throw new Error(`${host.name} has no node`);
  await leadTo(host, first.name, beyond);
  const service = async (namespace: string, name: string): Promise<Service['spec']> =>
    (await host.client.get<Service>(`/api/v1/namespaces/${namespace}/services/${name}`)).spec;
  const tillService = await service('market', 'till');
  await served(host, tillService.clusterIP);
  return {
    node: first.address,
    apiServer: (await service('default', 'kubernetes')).clusterIP,
    agent: (await activePod(host)).status?.podIP ?? '',
    meshNodePort,
    till: {
      pod: till,
      service: tillService.clusterIP,
      nodePort: tillService.ports[0]?.nodePort ?? 0,
    },
    sibling,
    stranger,
  };
}

/** kube-proxy has its rules a moment after the Service is there. */
async function served(host: KindCluster, service: string): Promise<void> {
  const ask = ['timeout', '3', 'wget', '-q', '-O', '-', `http://${service}:${servedPort}`];
  await waitFor(
    `the Service ${service} leads to its pod`,
    async () =>
      (await host.podExec({ namespace: 'market', name: 'beyond' }, ask)).code === 0 || undefined,
    { timeoutMs: 30_000 },
  );
}

/** The address of a pod that is Ready; '' of one that is away, where pod networks are not joined. */
export async function ready(
  cluster: KindCluster,
  namespace: string,
  name: string,
): Promise<string> {
  return await waitFor(
    `${namespace}/${name} is Ready in ${cluster.name}`,
    async () => {
      const { status } = await cluster.client.get<Pod>(
        `/api/v1/namespaces/${namespace}/pods/${name}`,
      );
      const isReady = status?.conditions?.some(
        (condition) => condition.type === 'Ready' && condition.status === 'True',
      );
      return isReady === true ? (status?.podIP ?? '') : undefined;
    },
    { timeoutMs: 90_000, everyMs: 250 },
  );
}

/** Routes of a node, as a cloud's network has them. */
async function leadTo(host: KindCluster, node: string, pod: string): Promise<void> {
  for (const address of beyondAddresses) {
    const add = `ip route replace ${address} via ${pod} onlink $(ip -o route get ${pod} | grep -o 'dev [^ ]*')`;
    const { code, stderr } = await host.exec(node, ['sh', '-c', add]);
    if (code !== 0) throw new Error(`${node}: ${add}: ${stderr}`);
  }
}
