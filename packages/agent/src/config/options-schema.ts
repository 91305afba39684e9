/** Every key of the agent's configuration, with what it means: what is checked, and what docs/configuration.md is made of. */
import {
  guestTermsDefaults,
  type HomeConfig,
  homeDefaults,
  hostDefaults,
} from '@spillway/federation';
import { guestNetworkDefaults } from '@spillway/kubernetes';
import { relayDefaults } from '@spillway/mesh';
import { z } from 'zod';
import { homeKeys } from './home-keys.ts';

const positive = z.number().positive();
const count = z.number().int().min(1);
const fraction = z.number().min(0).max(0.9);
const file = (path: string) => z.string().default(path);

const identity = z.strictObject({
  key: file('/etc/spillway/identity/peer.key').describe('the private key'),
  certificate: file('/etc/spillway/identity/membership.cert').describe(
    'the certificate for that key',
  ),
  federation: file('/etc/spillway/identity/federation.pub').describe('the root’s public key'),
});

const relay = z.strictObject({
  serve: z
    .boolean()
    .default(relayDefaults.serve)
    .describe(
      'whether this agent relays for others. It does so only if other clusters can dial it',
    ),
  reservationsMax: count
    .default(relayDefaults.reservationsMax)
    .describe('maximum number of members that wait at this relay'),
  circuitsPerMemberMax: count
    .default(relayDefaults.circuitsPerMemberMax)
    .describe(
      'maximum number of relayed connections that one member opens, and of those that lead to it',
    ),
  circuitsMax: count
    .default(relayDefaults.circuitsMax)
    .describe('maximum number of relayed connections, for all members together'),
  circuitBytesMax: count
    .default(relayDefaults.circuitBytesMax)
    .describe(
      'maximum number of bytes of one relayed connection. Then its ends must open it again',
    ),
  circuitMsMax: count
    .max(2 ** 31 - 1)
    .default(relayDefaults.circuitMsMax)
    .describe('maximum age of one relayed connection (ms). Then its ends must open it again'),
});

const mesh = z.strictObject({
  preset: z
    .enum(['lan', 'wan', 'edge'])
    .default('edge')
    .describe(
      'how long a neighbour may be silent. `lan`: suspect after 5 s, gone after another 15 s. `wan`: 15 s and 45 s. `edge`: 25 s and 95 s',
    ),
  listen: z
    .array(z.string())
    .default(['/ip4/0.0.0.0/tcp/7420'])
    .describe('multiaddrs that the agent listens on. Empty: the agent only dials'),
  announce: z
    .array(z.string())
    .default([])
    .describe('multiaddrs that other clusters dial, if they differ from `mesh.listen`'),
  reachable: z
    .union([z.boolean(), z.literal('auto')])
    .default('auto')
    .describe(
      'whether other clusters can dial this agent. `false`, or an empty `mesh.listen`: the agent waits at two members that relay, and others reach it through them. `auto`: the agent does the same if no cluster has dialled it for a minute while it has dialled others',
    ),
  relay: relay
    .prefault({})
    .describe('what this agent does as a relay for members that no cluster can dial'),
  bootstrap: z
    .array(z.string())
    .default([])
    .describe('multiaddrs of neighbours. One reachable neighbour is enough'),
  connectionsSought: z
    .number()
    .int()
    .min(1)
    .max(300)
    .default(128)
    .describe(
      'number of connections that the agent keeps open. It dials other clusters only when it needs them',
    ),
  advertBytesPerSecond: positive
    .default(10_000)
    .describe(
      'maximum rate of adverts that this agent accepts from all clusters together (bytes per second). Use the same value in the whole federation',
    ),
});

const http = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe(
      'address to listen on. Empty: all addresses. Only loopback gets answers to questions (`/v1/…`)',
    ),
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(7421)
    .describe('port to listen on. 0: any free port, which the agent logs when it starts'),
});

const kubelet = z.strictObject({
  address: z
    .string()
    .default('')
    .describe(
      'address where the active agent serves the kubelet’s API for virtual nodes. Also from POD_IP. Empty: it does not, and `kubectl logs`, `exec` and `port-forward` of pods that are away fail',
    ),
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(10_250)
    .describe('port of it. 0: any free port'),
  addressType: z
    .enum(['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'])
    .default('Hostname')
    .describe(
      'type of the address in the status of virtual nodes. The API server must have it in `--kubelet-preferred-address-types`. Network plugins may take an `InternalIP` for a route to a node',
    ),
  tls: z
    .strictObject({
      certificate: z
        .string()
        .default('')
        .describe(
          'file of the serving certificate, for API servers with `--kubelet-certificate-authority`. Empty: the agent signs one itself',
        ),
      key: z.string().default('').describe('file of the private key for that certificate'),
    })
    .prefault({}),
});

const streams = z.strictObject({
  awayMax: count
    .default(256)
    .describe('maximum number of streams at once of this cluster’s pods that are away'),
  hostedMax: count.default(256).describe('maximum number of streams at once of all guests'),
  perNeighbourMax: z
    .number()
    .int()
    .min(0)
    .default(64)
    .describe(
      'maximum number of streams at once of the guests of one neighbour. 0: users of other clusters cannot read logs of their guests here, or run commands in them',
    ),
});

const lease = z.strictObject({
  namespace: z
    .string()
    .default('')
    .describe(
      'namespace of the Lease. Empty: the pod’s namespace, or `spillway-system` without a pod',
    ),
  name: z.string().default('spillway-agent').describe('name of the Lease'),
  durationMs: positive
    .default(15_000)
    .describe(
      'how long the Lease is valid without a renewal (ms). Then another agent may become active',
    ),
  renewMs: positive
    .default(10_000)
    .describe('how often the active agent renews it (ms); less than durationMs'),
  retryMs: positive.default(2_000).describe('how often standbys check it (ms); less than renewMs'),
});

const home = z.strictObject(
  Object.fromEntries(
    Object.entries(homeDefaults).map(([key, value]) => [
      key,
      positive.default(value).describe(homeKeys[key as keyof HomeConfig]),
    ]),
  ),
);

const host = z.strictObject({
  accepting: z
    .boolean()
    .default(hostDefaults.accepting)
    .describe('`false`: accept no new guests, and keep the running ones'),
  guestsMax: z
    .number()
    .int()
    .min(0)
    .default(hostDefaults.guestsMax)
    .describe('maximum number of guests, with reserved slots'),
  keepFree: z
    .strictObject({
      cpuFraction: fraction
        .default(0)
        .describe('share of the CPU of each node that stays free for this cluster’s own pods'),
      memoryFraction: fraction
        .default(0)
        .describe('share of the memory of each node that stays free for this cluster’s own pods'),
    })
    .prefault({}),
  scheduler: z
    .string()
    .default(hostDefaults.scheduler)
    .describe(
      'name of the scheduler of this cluster that binds guests to the nodes that are held for them. Empty: the agent creates guests bound, and a node may get more than its allocatable for a moment (docs/adr/0034)',
    ),
  reservationTtlMs: positive
    .default(hostDefaults.reservationTtlMs)
    .describe('how long the host holds a granted slot without a commit (ms)'),
  reservationsPerHomeMax: positive
    .default(hostDefaults.reservationsPerHomeMax)
    .describe('maximum number of reservations of one home'),
  triesTtlMs: positive
    .default(hostDefaults.triesTtlMs)
    .describe(
      'how long the host remembers what its API server answered to a home’s pod template (ms)',
    ),
  triesRememberedMax: positive
    .default(hostDefaults.triesRememberedMax)
    .describe('maximum number of such answers'),
  endedTtlMs: positive
    .default(hostDefaults.endedTtlMs)
    .describe('how long the host remembers ended guests, to refuse a late repeated commit (ms)'),
  endedMax: positive
    .default(hostDefaults.endedMax)
    .describe('maximum number of ended guests that the host remembers'),
});

/** Whole keys, or beginnings that end in `*`. */
const patterns = (key: 'tolerations' | 'labels' | 'annotations' | 'images' | 'runtimeClasses') =>
  z
    .array(
      z
        .string()
        .regex(/^[^*\s]*\*?$/)
        .min(1),
    )
    .default([...guestTermsDefaults[key]]);

const guests = z.strictObject({
  network: z
    .enum(['isolated', 'open'])
    .default('isolated')
    .describe('`isolated`: each guest namespace gets a NetworkPolicy. `open`: none'),
  blockedCidrs: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .default([...guestNetworkDefaults.blockedCidrs])
    .describe('CIDRs to which guests may not open connections'),
  emptyNamespaceMs: z
    .number()
    .min(0)
    .default(600_000)
    .describe(
      'how long after its last guest a guest namespace is deleted (ms), unless someone else has an object in it. 0: never',
    ),
  tolerations: patterns('tolerations').describe(
    'keys of taints that guests may tolerate. They may always tolerate the failure of their node, and taints named as resources that they request',
  ),
  labels: patterns('labels').describe('labels with a prefix that guests keep'),
  annotations: patterns('annotations').describe('annotations that guests keep'),
  images: patterns('images').describe(
    'images that guests may run, with full names such as `docker.io/library/nginx*`',
  ),
  runtimeClasses: patterns('runtimeClasses').describe('RuntimeClasses that guests may use'),
  terminationGraceSecondsMax: count
    .default(guestTermsDefaults.terminationGraceSecondsMax)
    .describe('maximum terminationGracePeriodSeconds of a guest (s)'),
});

export const optionsSchema = z.strictObject({
  cluster: z
    .string()
    .default('')
    .describe('name of this cluster in the federation. It must be the name in its certificate'),
  instance: z
    .string()
    .default('')
    .describe(
      'identity used in the Lease. An agent that restarts with the same instance resumes at once; a different instance waits until the Lease expires. Empty: the pod’s name. Without a pod name, the agent always waits',
    ),
  kubeconfig: z
    .string()
    .default('')
    .describe('kubeconfig file. Empty: the pod’s own service account'),
  policy: z
    .string()
    .default('nearest')
    .describe('default placement policy. Namespaces and pods can set another'),
  labels: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      'labels of this cluster in its adverts, in addition to the attributes of its certificate',
    ),
  pod: z
    .strictObject({
      name: z.string().default('').describe('name of the pod. Also from POD_NAME'),
      namespace: z.string().default('').describe('namespace of the pod. Also from POD_NAMESPACE'),
    })
    .prefault({})
    .describe('the pod in which this agent runs. Empty: it does not run in a pod'),
  identity: identity
    .prefault({})
    .describe('files of the identity. In a cluster they are keys of a mounted Secret'),
  mesh: mesh.prefault({}).describe('the port between clusters'),
  http: http.prefault({}).describe('health, metrics and questions'),
  kubelet: kubelet
    .prefault({})
    .describe('the kubelet’s API, which the API server of this cluster calls'),
  streams: streams
    .prefault({})
    .describe('logs, commands and forwarded ports between clusters, each of which is one stream'),
  lease: lease.prefault({}).describe('the Lease that decides which agent of the cluster is active'),
  home: home.prefault({}).describe('what this cluster does for its own pods'),
  host: host.prefault({}).describe('what this cluster lends'),
  guests: guests
    .prefault({})
    .describe(
      'what guests may do here. In lists of keys, `*` at the end matches every key that begins with the text before it',
    ),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('lowest level that the agent logs'),
    })
    .prefault({})
    .describe('JSON lines on standard error'),
});
