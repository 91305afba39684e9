/**
 * The agent's configuration: presets, overlaid by a YAML file, by the environment and by flags, the
 * nearer one winning; validated as a whole, then frozen. Every error names the key and its source.
 *
 * A key `host.guestsMax` is `SPILLWAY_HOST_GUESTS_MAX` in the environment and
 * `--set host.guestsMax=…` on the command line; the commonest have flags of their own.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { clusterName, Fault } from '@spillway/core';
import {
  checkedHomeConfig,
  checkedHostConfig,
  homeDefaults,
  hostDefaults,
} from '@spillway/federation';
import { guestNetworkDefaults } from '@spillway/kubernetes';
import { relayDefaults } from '@spillway/mesh';
import { parse } from 'yaml';
import { z } from 'zod';

const positive = z.number().positive();
const count = z.number().int().min(1);
const fraction = z.number().min(0).max(0.9);

const schema = z.strictObject({
  /** This cluster's name in the federation; must be the one in its certificate. */
  cluster: z.string().default(''),
  /**
   * Who this agent is among those of its cluster. One that restarts as the same instance goes on at once,
   * where another waits for the Lease to run out. Empty: its pod's name; where it has none, it always waits.
   */
  instance: z.string().default(''),
  /** The pod that this agent runs in, also from POD_NAME and POD_NAMESPACE; empty: in none. */
  pod: z
    .strictObject({ name: z.string().default(''), namespace: z.string().default('') })
    .prefault({}),
  /** Empty: the pod's own service account. */
  kubeconfig: z.string().default(''),
  identity: z
    .strictObject({
      /** Files; in a cluster, keys of a mounted Secret. */
      key: z.string().default('/etc/spillway/identity/peer.key'),
      certificate: z.string().default('/etc/spillway/identity/membership.cert'),
      federation: z.string().default('/etc/spillway/identity/federation.pub'),
    })
    .prefault({}),
  mesh: z
    .strictObject({
      /** `lan`, `wan` or `edge`: how patient to be with links. */
      preset: z.enum(['lan', 'wan', 'edge']).default('edge'),
      /** Multiaddrs; none: this agent only dials. */
      listen: z.array(z.string()).default(['/ip4/0.0.0.0/tcp/7420']),
      /** What others are told to dial, where that is not what we listen on. */
      announce: z.array(z.string()).default([]),
      /**
       * Whether other clusters can dial what is listened on. `false`, or nothing to listen on: this agent
       * waits at two members that relay, and is reached through them. `auto`: so too, once nobody has
       * dialled it for a minute although it has dialled others.
       */
      reachable: z.union([z.boolean(), z.literal('auto')]).default('auto'),
      /** What is given as a relay to members that nobody can dial. */
      relay: z
        .strictObject({
          /** Only where this agent can be dialled itself. */
          serve: z.boolean().default(relayDefaults.serve),
          /** Members that may wait here. */
          reservationsMax: count.default(relayDefaults.reservationsMax),
          /** Connections that one member may have relayed, and as many to it. */
          circuitsPerMemberMax: count.default(relayDefaults.circuitsPerMemberMax),
          /** Relayed connections at once, all members together. */
          circuitsMax: count.default(relayDefaults.circuitsMax),
          /** What one relayed connection may carry before it must be opened anew. */
          circuitBytesMax: count.default(relayDefaults.circuitBytesMax),
          /** How old one may become before it must be opened anew. */
          circuitMsMax: count.max(2 ** 31 - 1).default(relayDefaults.circuitMsMax),
        })
        .prefault({}),
      /** Any one reachable neighbour is enough. */
      bootstrap: z.array(z.string()).default([]),
      /** Beyond so many connections no more are sought; the others are dialled when needed. */
      connectionsSought: z.number().int().min(1).max(300).default(128),
      /** What this agent is willing to hear of adverts, all clusters together; equal in a federation. */
      advertBytesPerSecond: positive.default(10_000),
    })
    .prefault({}),
  http: z
    .strictObject({
      /** Empty: all addresses. Questions (`/v1/…`) are answered to loopback only, whatever it listens on. */
      host: z.string().default('127.0.0.1'),
      /** 0: any free port, logged at start. */
      port: z.number().int().min(0).max(65_535).default(7421),
    })
    .prefault({}),
  lease: z
    .strictObject({
      /** Empty: the pod's own, or `spillway-system`. */
      namespace: z.string().default(''),
      name: z.string().default('spillway-agent'),
      durationMs: positive.default(15_000),
      renewMs: positive.default(10_000),
      retryMs: positive.default(2_000),
    })
    .prefault({}),
  /** The federation's default placement policy; namespaces and pods may name another. */
  policy: z.string().default('nearest'),
  /** Said of this cluster in its adverts, beside what its certificate says. */
  labels: z.record(z.string(), z.string()).default({}),
  home: z
    .strictObject(
      Object.fromEntries(
        Object.entries(homeDefaults).map(([key, value]) => [key, positive.default(value)]),
      ),
    )
    .prefault({}),
  host: z
    .strictObject({
      accepting: z.boolean().default(hostDefaults.accepting),
      guestsMax: z.number().int().min(0).default(hostDefaults.guestsMax),
      keepFree: z
        .strictObject({ cpuFraction: fraction.default(0), memoryFraction: fraction.default(0) })
        .prefault({}),
      reservationTtlMs: positive.default(hostDefaults.reservationTtlMs),
      reservationsPerHomeMax: positive.default(hostDefaults.reservationsPerHomeMax),
      endedTtlMs: positive.default(hostDefaults.endedTtlMs),
      endedMax: positive.default(hostDefaults.endedMax),
    })
    .prefault({}),
  guests: z
    .strictObject({
      /** `isolated`: a NetworkPolicy in each guest namespace; `open`: none. */
      network: z.enum(['isolated', 'open']).default('isolated'),
      /** CIDRs that guests may not open connections to. */
      blockedCidrs: z
        .array(z.union([z.cidrv4(), z.cidrv6()]))
        .default([...guestNetworkDefaults.blockedCidrs]),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info') })
    .prefault({}),
});

export type AgentOptions = ReturnType<typeof checked>;

type Raw = { [key: string]: unknown };

const flags = {
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  cluster: { type: 'string' },
  kubeconfig: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const usage = `spillway-agent: lends and borrows room for one Kubernetes cluster

  --config FILE        YAML with any of the keys below
  --set KEY=VALUE      one key, such as host.guestsMax=20 (repeatable)
  --cluster NAME       short for --set cluster=NAME
  --kubeconfig FILE    short for --set kubeconfig=FILE
  -h, --help

Each key can also come from the environment: host.guestsMax as SPILLWAY_HOST_GUESTS_MAX.
Flags win over the environment, that over the file.
`;

/** @returns undefined when help was asked for. @throws Fault `InvalidConfig` naming key and source. */
export function readOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AgentOptions | undefined {
  const { values } = parsedFlags(argv);
  if (values.help) return undefined;
  const raw: Raw = values.config === undefined ? {} : fromFile(values.config);
  const sources = new Map<string, string>();
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined || text === '') continue;
    const key = keyOfVariable.get(name);
    if (key === undefined) continue;
    assign(raw, key, text);
    sources.set(key, name);
  }
  const settings = [...(values.set ?? [])];
  if (values.cluster !== undefined) settings.push(`cluster=${values.cluster}`);
  if (values.kubeconfig !== undefined) settings.push(`kubeconfig=${values.kubeconfig}`);
  for (const setting of settings) {
    const [, key, text] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
    if (key === undefined || text === undefined) {
      throw new Fault('InvalidConfig', `--set ${setting}: expected KEY=VALUE`);
    }
    assign(raw, key, text);
    sources.set(key, '--set');
  }
  return checked(raw, sources);
}

function checked(raw: Raw, sources: ReadonlyMap<string, string>) {
  const result = schema.safeParse(raw);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const key = issue.path.join('.');
      const source = sources.get(key);
      return `${key || '(top level)'}: ${issue.message}${source === undefined ? '' : ` (from ${source})`}`;
    });
    throw new Fault('InvalidConfig', `configuration is not valid:\n  ${problems.join('\n  ')}`);
  }
  const { home, host, lease, cluster, instance, pod, ...rest } = result.data;
  if (lease.renewMs >= lease.durationMs || lease.retryMs >= lease.renewMs) {
    throw new Fault('InvalidConfig', 'lease: expected retryMs < renewMs < durationMs');
  }
  return Object.freeze({
    ...rest,
    pod,
    instance: instance || pod.name,
    lease: { ...lease, namespace: lease.namespace || pod.namespace || 'spillway-system' },
    cluster: clusterName(cluster),
    home: checkedHomeConfig({ ...homeDefaults, ...home }),
    host: checkedHostConfig(host),
  });
}

function parsedFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, strict: true });
  } catch (error) {
    throw new Fault('InvalidConfig', `${(error as Error).message}; see --help`, { cause: error });
  }
}

function fromFile(path: string): Raw {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Fault('InvalidConfig', `--config ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  try {
    const value: unknown = parse(text) ?? {};
    if (typeof value !== 'object' || Array.isArray(value))
      throw new Error('expected a mapping of keys');
    return value as Raw;
  } catch (error) {
    throw new Fault('InvalidConfig', `${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Sets a dotted key; text that YAML reads as number, boolean, list or map becomes that. */
function assign(raw: Raw, key: string, text: string): void {
  const path = key.split('.');
  const last = path.pop();
  if (last === undefined) return;
  let at = raw;
  for (const part of path) {
    const next = at[part];
    at[part] = typeof next === 'object' && next !== null ? next : {};
    at = at[part] as Raw;
  }
  at[last] = text === '' ? '' : (parse(text) as unknown);
}

/** SPILLWAY_HOST_GUESTS_MAX → host.guestsMax, for every key of the schema; and what a pod is told of itself. */
const keyOfVariable: ReadonlyMap<string, string> = new Map([
  ...leaves(schema.parse({ cluster: 'x' }) as Raw, '').map((key): [string, string] => [
    `SPILLWAY_${key.replaceAll('.', '_').replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`,
    key,
  ]),
  ['POD_NAME', 'pod.name'],
  ['POD_NAMESPACE', 'pod.namespace'],
]);

function leaves(value: Raw, prefix: string): readonly string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' &&
    inner !== null &&
    !Array.isArray(inner) &&
    Object.keys(inner).length > 0
      ? leaves(inner as Raw, `${prefix}${name}.`)
      : [`${prefix}${name}`],
  );
}
