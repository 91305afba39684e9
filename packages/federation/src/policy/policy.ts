/**
 * Placement policies: how a home chooses among neighbours that have room. Written as text, in an
 * annotation `spillway.dev/policy` of a pod or namespace, or in the agent's configuration:
 *
 *     nearest
 *     spread; rtt<=40
 *     cluster-affinity; require region=eu; prefer name=berlin|lyon; refuse tier=spot&gpu
 *     nearest; fence
 *
 * The first word is the policy; then, separated by `;`, rules that each hold for all policies.
 * `require`, `prefer` and `refuse` take terms, joined by `,`, over the neighbour's signed attributes,
 * its own labels, and `name`, its cluster name. All required terms must be met, no refused one may be,
 * and a neighbour that meets more preferred ones goes first. A term is `key=value` (or one of several:
 * `key=a|b`), `key!=value`, `key` or `!key`, or several of these that must all hold, joined by `&`.
 * `fence` is the partition policy (docs/adr/0021); `stay` lets nothing leave. `preempt first` ends pods of
 * lower priority at home before neighbours are asked; without it, neighbours are asked first.
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
  readonly operator: '=' | '!=' | 'exists' | 'absent';
  /** Any of them for `=`, none of them for `!=`. */
  readonly values: readonly string[];
}

/** Met when all of it is. */
export type ClusterTerm = readonly ClusterRequirement[];

/** What becomes of a pod away when its host can't be heard: evicted and replaced, or left alone. */
export type PartitionPolicy = 'keep' | 'fence';

export interface PlacementPolicy {
  readonly name: PolicyName;
  readonly require: readonly ClusterTerm[];
  readonly prefer: readonly ClusterTerm[];
  readonly refuse: readonly ClusterTerm[];
  readonly rttMsMax: number | undefined;
  readonly partition: PartitionPolicy;
  /** False: pods under this policy wait at home. */
  readonly mayLeave: boolean;
  /** Whether pods of lower priority end at home before neighbours are asked, or only when none has room. */
  readonly preempt: 'first' | 'last';
}

export const nearest: PlacementPolicy = Object.freeze({
  name: 'nearest',
  require: [],
  prefer: [],
  refuse: [],
  rttMsMax: undefined,
  partition: 'keep',
  mayLeave: true,
  preempt: 'last',
});

/** Maximum length; an annotation may be up to 256 KiB. */
const policyTextMax = 1024;

/** The policy, or what is wrong with the text, for its author to read. */
export function parsePolicy(
  text: string,
  lengthMax = policyTextMax,
): PlacementPolicy | { readonly problem: string } {
  const problem = (what: string): { readonly problem: string } => ({
    problem: `policy ${JSON.stringify(text.slice(0, 80))}: ${what}`,
  });
  if (text.length > lengthMax) return problem(`longer than ${lengthMax} characters`);
  const [name = '', ...rules] = text.split(';').map((part) => part.trim());
  if (!isPolicyName(name))
    return problem(`unknown policy ${name || '(empty)'}; there are ${policyNames.join(', ')}`);
  const policy = {
    name,
    require: [] as ClusterTerm[],
    prefer: [] as ClusterTerm[],
    refuse: [] as ClusterTerm[],
    rttMsMax: undefined as number | undefined,
    partition: 'keep' as PartitionPolicy,
    mayLeave: true,
    preempt: 'last' as PlacementPolicy['preempt'],
  };
  for (const rule of rules.filter((part) => part !== '')) {
    const rtt = /^rtt\s*<=\s*(\d+(?:\.\d+)?)(?:ms)?$/.exec(rule);
    if (rtt !== null) {
      policy.rttMsMax = Number(rtt[1]);
      continue;
    }
    if (rule === 'fence' || rule === 'keep') {
      policy.partition = rule;
      continue;
    }
    if (rule === 'stay') {
      policy.mayLeave = false;
      continue;
    }
    const when = /^preempt\s+(first|last)$/.exec(rule)?.[1];
    if (when === 'first' || when === 'last') {
      policy.preempt = when;
      continue;
    }
    const [, verb, selector = ''] = /^(require|prefer|refuse)\s+(.+)$/.exec(rule) ?? [];
    if (verb !== 'require' && verb !== 'prefer' && verb !== 'refuse') {
      return problem(
        `can't read ${JSON.stringify(rule)}; rules are require, prefer, refuse, rtt<=MS, fence, stay and preempt first`,
      );
    }
    for (const part of selector.split(',')) {
      const term = parseTerm(part.trim());
      if (term === undefined) {
        const expected = 'expected key=value, key!=value, key or !key, joined by &';
        return problem(`can't read ${JSON.stringify(part)}; ${expected}`);
      }
      policy[verb].push(term);
    }
  }
  if (name === 'cluster-affinity' && policy.require.length === 0 && policy.prefer.length === 0) {
    return problem('cluster-affinity needs at least one require or prefer');
  }
  return policy;
}

/** Equal policies have equal texts. */
export function policyText(policy: PlacementPolicy): string {
  const part = (verb: string, terms: readonly ClusterTerm[]): readonly string[] =>
    terms.length === 0 ? [] : [`${verb} ${terms.map(termText).join(',')}`];
  return [
    policy.name,
    ...part('require', policy.require),
    ...part('prefer', policy.prefer),
    ...part('refuse', policy.refuse),
    ...(policy.rttMsMax === undefined ? [] : [`rtt<=${policy.rttMsMax}`]),
    ...(policy.partition === 'fence' ? ['fence'] : []),
    ...(policy.mayLeave ? [] : ['stay']),
    ...(policy.preempt === 'first' ? ['preempt first'] : []),
  ].join('; ');
}

/** What terms are about: a cluster's name and labels, with what the root signed going before the rest. */
export interface NamedCluster {
  readonly name: ClusterName;
  readonly labels: Readonly<Record<string, string>>;
}

export function meets(term: ClusterTerm, cluster: NamedCluster): boolean {
  return term.every(({ key, operator, values }) => {
    const value = key === 'name' ? cluster.name : cluster.labels[key];
    switch (operator) {
      case 'exists':
        return value !== undefined;
      case 'absent':
        return value === undefined;
      case '=':
        return value !== undefined && values.includes(value);
      case '!=':
        // As in Kubernetes: a label that is not there is not equal to anything.
        return value === undefined || !values.includes(value);
    }
  });
}

export function termText(term: ClusterTerm): string {
  return term
    .map(({ key, operator, values }) => {
      if (operator === 'exists') return key;
      if (operator === 'absent') return `!${key}`;
      return `${key}${operator}${values.join('|')}`;
    })
    .join('&');
}

function parseTerm(text: string): ClusterTerm | undefined {
  const term: ClusterRequirement[] = [];
  for (const part of text.split('&')) {
    const requirement = parseRequirement(part.trim());
    if (requirement === undefined) return undefined;
    term.push(requirement);
  }
  return term;
}

function parseRequirement(text: string): ClusterRequirement | undefined {
  const [, not, key, operator, value = ''] =
    /^(!?)([A-Za-z0-9][\w./-]*)(?:\s*(!?=)\s*([\w./|-]*))?$/.exec(text) ?? [];
  if (key === undefined) return undefined;
  if (operator === undefined) return { key, operator: not ? 'absent' : 'exists', values: [] };
  if (not) return undefined;
  return { key, operator: operator === '=' ? '=' : '!=', values: value.split('|') };
}

function isPolicyName(text: string): text is PolicyName {
  return (policyNames as readonly string[]).includes(text);
}
