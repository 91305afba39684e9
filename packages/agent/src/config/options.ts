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
import { checkedHomeConfig, checkedHostConfig, homeDefaults } from '@spillway/federation';
import { parse } from 'yaml';
import { optionsSchema } from './options-schema.ts';

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

  --config FILE        YAML with any of the keys
  --set KEY=VALUE      one key, such as host.guestsMax=20 (repeatable)
  --cluster NAME       short for --set cluster=NAME
  --kubeconfig FILE    short for --set kubeconfig=FILE
  -h, --help

Each key can also come from the environment: host.guestsMax as SPILLWAY_HOST_GUESTS_MAX.
Flags win over the environment, and the environment wins over the file. All keys: docs/configuration.md.
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
  const result = optionsSchema.safeParse(raw);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const key = issue.path.join('.');
      const source = sources.get(key);
      return `${key || '(top level)'}: ${issue.message}${source === undefined ? '' : ` (from ${source})`}`;
    });
    throw new Fault('InvalidConfig', `configuration is not valid:\n  ${problems.join('\n  ')}`);
  }
  const { home, host, guests, lease, cluster, instance, pod, ...rest } = result.data;
  const { network, blockedCidrs, emptyNamespaceMs, ...terms } = guests;
  if (lease.renewMs >= lease.durationMs || lease.retryMs >= lease.renewMs) {
    throw new Fault('InvalidConfig', 'lease: expected retryMs < renewMs < durationMs');
  }
  const { certificate, key } = rest.kubelet.tls;
  if ((certificate === '') !== (key === '')) {
    throw new Fault('InvalidConfig', 'kubelet.tls: expected certificate and key, or neither');
  }
  return Object.freeze({
    ...rest,
    pod,
    instance: instance || pod.name,
    lease: { ...lease, namespace: lease.namespace || pod.namespace || 'spillway-system' },
    cluster: clusterName(cluster),
    home: checkedHomeConfig({ ...homeDefaults, ...home }),
    host: checkedHostConfig(host),
    guests: Object.freeze({ network, blockedCidrs, emptyNamespaceMs, terms: Object.freeze(terms) }),
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

/** SPILLWAY_HOST_GUESTS_MAX → host.guestsMax, for every key of the schema; and what the pod knows of itself. */
const keyOfVariable: ReadonlyMap<string, string> = new Map([
  ...leaves(optionsSchema.parse({ cluster: 'x' }) as Raw, '').map((key): [string, string] => [
    variableOf(key),
    key,
  ]),
  ['POD_NAME', 'pod.name'],
  ['POD_NAMESPACE', 'pod.namespace'],
  ['POD_IP', 'kubelet.address'],
]);

/** host.guestsMax → SPILLWAY_HOST_GUESTS_MAX. */
export function variableOf(key: string): string {
  return `SPILLWAY_${key.replaceAll('.', '_').replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`;
}

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
