/**
 * Placement policies: how a home chooses among neighbours that have room. Written as text, in an
 * annotation `spillway.dev/policy` of a pod or namespace, or in the agent's configuration:
 *
 *     nearest
 *     spread; rtt<=40
 *     cluster-affinity; require region=eu; prefer name=berlin; refuse tier=spot
 *
 * The first word is the policy; then, separated by `;`, rules that each hold for all policies:
 * `require`, `prefer` and `refuse` take a selector (`key=value`, `key!=value`, `key`, joined by `,`)
 * over the neighbour's signed attributes, its own labels, and `name`, its cluster name.
 */
import type { ClusterName } from '@spillway/core';

export const policyNames = [
  'nearest',
  'worst-fit',
  'best-fit',
  'spread',
  'cluster-affinity',
] as const;
export type PolicyName = (typeof policyNames)[number];

export interface ClusterRequirement {
  readonly key: string;
  readonly operator: '=' | '!=' | 'exists';
  readonly value: string;
}

export interface PlacementPolicy {
  readonly name: PolicyName;
  readonly require: readonly ClusterRequirement[];
  readonly prefer: readonly ClusterRequirement[];
  readonly refuse: readonly ClusterRequirement[];
  readonly rttMsMax: number | undefined;
}

export const nearest: PlacementPolicy = Object.freeze({
  name: 'nearest',
  require: [],
  prefer: [],
  refuse: [],
  rttMsMax: undefined,
});

/** At most so long; an annotation may be up to 256 KiB. */
const policyTextMax = 1024;

/** The policy, or what is wrong with the text, for its author to read. */
export function parsePolicy(text: string): PlacementPolicy | { readonly problem: string } {
  const problem = (what: string): { readonly problem: string } => ({
    problem: `policy ${JSON.stringify(text.slice(0, 80))}: ${what}`,
  });
  if (text.length > policyTextMax) return problem(`longer than ${policyTextMax} characters`);
  const [name = '', ...rules] = text.split(';').map((part) => part.trim());
  if (!isPolicyName(name))
    return problem(`unknown policy ${name || '(empty)'}; there are ${policyNames.join(', ')}`);
  const policy = {
    name,
    require: [] as ClusterRequirement[],
    prefer: [] as ClusterRequirement[],
    refuse: [] as ClusterRequirement[],
    rttMsMax: undefined as number | undefined,
  };
  for (const rule of rules.filter((part) => part !== '')) {
    const rtt = /^rtt\s*<=\s*(\d+(?:\.\d+)?)(?:ms)?$/.exec(rule);
    if (rtt !== null) {
      policy.rttMsMax = Number(rtt[1]);
      continue;
    }
    const [, verb, selector = ''] = /^(require|prefer|refuse)\s+(.+)$/.exec(rule) ?? [];
    if (verb !== 'require' && verb !== 'prefer' && verb !== 'refuse') {
      return problem(
        `can't read ${JSON.stringify(rule)}; rules are require, prefer, refuse and rtt<=MS`,
      );
    }
    for (const part of selector.split(',')) {
      const requirement = parseRequirement(part.trim());
      if (requirement === undefined)
        return problem(`can't read ${JSON.stringify(part)}; expected key=value, key!=value or key`);
      policy[verb].push(requirement);
    }
  }
  if (name === 'cluster-affinity' && policy.require.length === 0 && policy.prefer.length === 0) {
    return problem('cluster-affinity needs at least one require or prefer');
  }
  return policy;
}

/** Equal policies have equal texts. */
export function policyText(policy: PlacementPolicy): string {
  const part = (verb: string, requirements: readonly ClusterRequirement[]): readonly string[] =>
    requirements.length === 0 ? [] : [`${verb} ${requirements.map(requirementText).join(',')}`];
  return [
    policy.name,
    ...part('require', policy.require),
    ...part('prefer', policy.prefer),
    ...part('refuse', policy.refuse),
    ...(policy.rttMsMax === undefined ? [] : [`rtt<=${policy.rttMsMax}`]),
  ].join('; ');
}

export function meets(
  requirement: ClusterRequirement,
  cluster: { readonly name: ClusterName; readonly labels: Readonly<Record<string, string>> },
): boolean {
  const value = requirement.key === 'name' ? cluster.name : cluster.labels[requirement.key];
  if (requirement.operator === 'exists') return value !== undefined;
  return (value === requirement.value) === (requirement.operator === '=');
}

export function requirementText({ key, operator, value }: ClusterRequirement): string {
  return operator === 'exists' ? key : `${key}${operator}${value}`;
}

function parseRequirement(text: string): ClusterRequirement | undefined {
  const [, key, operator, value = ''] =
    /^([A-Za-z0-9][\w./-]*)(?:\s*(!?=)\s*([\w./-]*))?$/.exec(text) ?? [];
  if (key === undefined) return undefined;
  if (operator === undefined) return { key, operator: 'exists', value: '' };
  return { key, operator: operator === '=' ? '=' : '!=', value };
}

function isPolicyName(text: string): text is PolicyName {
  return (policyNames as readonly string[]).includes(text);
}
