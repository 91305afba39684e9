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
  certificate: file('/etc/spillway/identity/membership.cert').describe('for that key'),
  federation: file('/etc/spillway/identity/federation.pub').describe('the root’s public key'),
});

const relay = z.strictObject({
  serve: z
    .boolean()
    .default(relayDefaults.serve)
    .describe('only where this agent can be dialled itself'),
  reservationsMax: count
    .default(relayDefaults.reservationsMax)
    .describe('members that may wait here'),
  circuitsPerMemberMax: count
    .default(relayDefaults.circuitsPerMemberMax)
    .describe('connections that one member may have relayed, and as many to it'),
  circuitsMax: count
    .default(relayDefaults.circuitsMax)
    .describe('relayed connections at once, all members together'),
  circuitBytesMax: count
    .default(relayDefaults.circuitBytesMax)
    .describe('what one relayed connection may carry before it must be opened again'),
  circuitMsMax: count
    .max(2 ** 31 - 1)
    .default(relayDefaults.circuitMsMax)
    .describe('how old one may become before it must be opened again'),
});

const mesh = z.strictObject({
  preset: z.enum(['lan', 'wan', 'edge']).default('edge').describe('how patient to be with links'),
  listen: z
    .array(z.string())
    .default(['/ip4/0.0.0.0/tcp/7420'])
    .describe('multiaddrs; none: this agent only dials'),
  announce: z
    .array(z.string())
    .default([])
    .describe('what others are told to dial, where that is not what is listened on'),
  reachable: z
    .union([z.boolean(), z.literal('auto')])
    .default('auto')
    .describe(
      'whether other clusters can dial what is listened on. `false`, or nothing to listen on: this agent waits at two members that relay, and is reached through them. `auto`: so too, once nobody has dialled it for a minute although it has dialled others',
    ),
  relay: relay.prefault({}).describe('what is given as a relay to members that nobody can dial'),
  bootstrap: z
    .array(z.string())
    .default([])
    .describe('multiaddrs of neighbours; any one reachable is enough'),
  connectionsSought: z
    .number()
    .int()
    .min(1)
    .max(300)
    .default(128)
    .describe('beyond so many connections no more are sought; others are dialled when needed'),
  advertBytesPerSecond: positive
    .default(10_000)
    .describe(
      'what this agent is willing to hear of adverts, all clusters together; equal in a federation',
    ),
});

const http = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe(
      'empty: all addresses. Questions (`/v1/…`) are answered to loopback only, whatever it listens on',
    ),
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(7421)
    .describe('0: any free port, logged at start'),
});

const lease = z.strictObject({
  namespace: z.string().default('').describe('empty: the pod’s own, or `spillway-system`'),
  name: z.string().default('spillway-agent').describe('its name'),
  durationMs: positive.default(15_000).describe('without a renewal for so long, another may act'),
  renewMs: positive.default(10_000).describe('renewed so often; less than durationMs'),
  retryMs: positive.default(2_000).describe('looked at so often by standbys; less than renewMs'),
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
    .describe('false: no new guests; those that are here stay'),
  guestsMax: z
    .number()
    .int()
    .min(0)
    .default(hostDefaults.guestsMax)
    .describe('most guests at once, held slots included'),
  keepFree: z
    .strictObject({
      cpuFraction: fraction.default(0).describe('of each node’s CPU, for this cluster itself'),
      memoryFraction: fraction
        .default(0)
        .describe('of each node’s memory, for this cluster itself'),
    })
    .prefault({}),
  scheduler: z
    .string()
    .default(hostDefaults.scheduler)
    .describe(
      'name of the scheduler of this cluster that binds guests to the nodes that are held for them. Empty: the agent creates guests bound. Then two schedulers fill the nodes, and a guest may be withdrawn',
    ),
  reservationTtlMs: positive
    .default(hostDefaults.reservationTtlMs)
    .describe('how long a granted slot is held without a commit'),
  reservationsPerHomeMax: positive
    .default(hostDefaults.reservationsPerHomeMax)
    .describe('most reservations at once of one home'),
  triesTtlMs: positive
    .default(hostDefaults.triesTtlMs)
    .describe('how long the API server’s word about a home’s pod template is remembered'),
  triesRememberedMax: positive
    .default(hostDefaults.triesRememberedMax)
    .describe('maximum number of pod templates that are remembered so'),
  endedTtlMs: positive
    .default(hostDefaults.endedTtlMs)
    .describe('ended guests are remembered so long, to refuse a late repeated commit'),
  endedMax: positive.default(hostDefaults.endedMax).describe('and so many of them at most'),
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
    .describe('`isolated`: a NetworkPolicy in each guest namespace; `open`: none'),
  blockedCidrs: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .default([...guestNetworkDefaults.blockedCidrs])
    .describe('CIDRs that guests may not open connections to'),
  emptyNamespaceMs: z
    .number()
    .min(0)
    .default(600_000)
    .describe(
      'a guest namespace is deleted so long after its last guest, unless somebody has put something into it; 0: never',
    ),
  tolerations: patterns('tolerations').describe(
    'taints that guests may tolerate, by key, beside the failure of their node and the resources that they ask for',
  ),
  labels: patterns('labels').describe('labels with a prefix that guests keep'),
  annotations: patterns('annotations').describe('annotations that guests keep'),
  images: patterns('images').describe(
    'images that guests may run, in full: `docker.io/library/nginx*`',
  ),
  runtimeClasses: patterns('runtimeClasses').describe('RuntimeClasses that guests may use'),
  terminationGraceSecondsMax: count
    .default(guestTermsDefaults.terminationGraceSecondsMax)
    .describe('maximum of a guest’s terminationGracePeriodSeconds, s'),
});

export const optionsSchema = z.strictObject({
  cluster: z
    .string()
    .default('')
    .describe('this cluster’s name in the federation; must be the one in its certificate'),
  instance: z
    .string()
    .default('')
    .describe(
      'who this agent is among those of its cluster. One that restarts as the same instance goes on at once, where another waits for the Lease to run out. Empty: its pod’s name; where it has none, it always waits',
    ),
  kubeconfig: z.string().default('').describe('a file; empty: the pod’s own service account'),
  policy: z
    .string()
    .default('nearest')
    .describe('the default placement policy; namespaces and pods may name another'),
  labels: z
    .record(z.string(), z.string())
    .default({})
    .describe('said of this cluster in its adverts, beside what its certificate says'),
  pod: z
    .strictObject({
      name: z.string().default('').describe('also from POD_NAME'),
      namespace: z.string().default('').describe('also from POD_NAMESPACE'),
    })
    .prefault({})
    .describe('the pod that this agent runs in; empty: in none'),
  identity: identity.prefault({}).describe('files; in a cluster, keys of a mounted Secret'),
  mesh: mesh.prefault({}).describe('the port between clusters'),
  http: http.prefault({}).describe('health, metrics and questions'),
  lease: lease
    .prefault({})
    .describe('the Lease that makes one agent of the cluster the active one'),
  home: home.prefault({}).describe('what this cluster does for its own pods'),
  host: host.prefault({}).describe('what this cluster lends'),
  guests: guests
    .prefault({})
    .describe(
      'what guests may do here. In lists of keys, one that ends in `*` is every key that begins so',
    ),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('the least that is logged'),
    })
    .prefault({})
    .describe('JSON lines on standard output'),
});
