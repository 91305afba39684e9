/**
 * A guest may select only pods of its own home. The host writes its terms with guest namespaces instead of
 * the namespaces of the home. A term that cannot be written so would select other pods than its author
 * meant, or none. It is refused if it is required, and dropped if it is preferred.
 */
import {
  type Affinity,
  type ClusterName,
  type LabelSelector,
  type LabelSelectorRequirement,
  type PodAffinity,
  type PodAffinityTerm,
  type PodSpec,
  type TopologySpreadConstraint,
  wellKnown,
} from '@spillway/core';
import { type GuestTerms, keepsLabel } from './guest-terms.ts';

/** Every namespace has this label, its own name. */
const nameLabel = 'kubernetes.io/metadata.name';

export interface SelectorContext {
  readonly home: ClusterName;
  readonly terms: GuestTerms;
  readonly guestNamespace: (home: ClusterName, namespace: string) => string;
}

/** `refused` and `dropped` in words. */
export interface SaidAnew {
  readonly spec: Pick<PodSpec, 'affinity' | 'topologySpreadConstraints'>;
  readonly dropped: readonly string[];
  readonly refused: readonly string[];
}

export function saidAnew(spec: PodSpec, context: SelectorContext): SaidAnew {
  const teller = new Teller(context);
  const { affinity, topologySpreadConstraints: spread } = spec;
  const kept: Pick<PodSpec, 'affinity' | 'topologySpreadConstraints'> = {
    ...(affinity && { affinity: teller.affinity(affinity) }),
    ...(spread && { topologySpreadConstraints: teller.spread(spread) }),
  };
  return { spec: kept, dropped: teller.dropped, refused: teller.refused };
}

class Teller {
  readonly #context: SelectorContext;
  readonly dropped: string[] = [];
  readonly refused: string[] = [];

  constructor(context: SelectorContext) {
    this.#context = context;
  }

  affinity({ podAffinity, podAntiAffinity, ...rest }: Affinity): Affinity {
    return {
      ...rest,
      ...(podAffinity && { podAffinity: this.#pods(podAffinity, 'podAffinity') }),
      ...(podAntiAffinity && { podAntiAffinity: this.#pods(podAntiAffinity, 'podAntiAffinity') }),
    };
  }

  spread(constraints: readonly TopologySpreadConstraint[]): readonly TopologySpreadConstraint[] {
    return constraints.filter((constraint) => {
      const { labelSelector, matchLabelKeys, topologyKey, whenUnsatisfiable } = constraint;
      const problem = this.#unkept(keysOf(labelSelector, matchLabelKeys));
      const wish = whenUnsatisfiable === 'ScheduleAnyway';
      return this.#tell(problem, `its topologySpreadConstraint over ${topologyKey}`, wish);
    });
  }

  #pods(affinity: PodAffinity, name: string): PodAffinity {
    const { requiredDuringSchedulingIgnoredDuringExecution: required } = affinity;
    const { preferredDuringSchedulingIgnoredDuringExecution: preferred } = affinity;
    const translated = (term: PodAffinityTerm, wish: boolean): PodAffinityTerm | undefined => {
      const { labelSelector, matchLabelKeys, mismatchLabelKeys } = term;
      const keys = keysOf(labelSelector, matchLabelKeys, mismatchLabelKeys);
      const namespaces = this.#namespaces(term);
      const problem =
        this.#unkept(keys) ?? (typeof namespaces === 'string' ? namespaces : undefined);
      const what = `its ${wish ? 'preferred' : 'required'} ${name} over ${term.topologyKey}`;
      if (!this.#tell(problem, what, wish) || typeof namespaces === 'string') return undefined;
      const { namespaces: _names, namespaceSelector: _selector, ...rest } = term;
      return { ...rest, ...namespaces };
    };
    return {
      ...(required && {
        requiredDuringSchedulingIgnoredDuringExecution: required.flatMap(
          (term) => translated(term, false) ?? [],
        ),
      }),
      ...(preferred && {
        preferredDuringSchedulingIgnoredDuringExecution: preferred.flatMap((wish) => {
          const podAffinityTerm = translated(wish.podAffinityTerm, true);
          return podAffinityTerm === undefined ? [] : [{ ...wish, podAffinityTerm }];
        }),
      }),
    };
  }

  /** The namespaces of a term at this host, or why they can't be said. Without any: the guest's own. */
  #namespaces({
    namespaces,
    namespaceSelector,
  }: PodAffinityTerm): Pick<PodAffinityTerm, 'namespaces' | 'namespaceSelector'> | string {
    const { home, guestNamespace } = this.#context;
    const names = namespaces?.map((name) => guestNamespace(home, name));
    const selector = namespaceSelector && guestSelector(namespaceSelector, home);
    if (typeof selector === 'string') return selector;
    return {
      ...(names && { namespaces: names }),
      ...(selector && { namespaceSelector: selector }),
    };
  }

  #unkept(keys: readonly string[]): string | undefined {
    const key = keys.find((each) => !keepsLabel(this.#context.terms, each));
    return key === undefined ? undefined : `guests do not keep the label ${key} here`;
  }

  /** Whether it stays. */
  #tell(problem: string | undefined, what: string, wish: boolean): boolean {
    if (problem === undefined) return true;
    (wish ? this.dropped : this.refused).push(`${what} (${problem})`);
    return false;
  }
}

/** Guest namespaces have no labels of the home's but its name and theirs. */
function guestSelector(selector: LabelSelector, home: ClusterName): LabelSelector | string {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const named: LabelSelectorRequirement[] = Object.entries(matchLabels).map(([key, value]) => ({
    key,
    operator: 'In',
    values: [value],
  }));
  const all = [...named, ...matchExpressions];
  const foreign = all.find(({ key }) => key !== nameLabel);
  if (foreign !== undefined)
    return `guest namespaces do not have the label ${foreign.key} of their home’s`;
  return {
    matchLabels: { [wellKnown.homeLabel]: home },
    ...(all.length > 0 && {
      matchExpressions: all.map((each) => ({ ...each, key: wellKnown.homeNamespaceLabel })),
    }),
  };
}

function keysOf(
  selector: LabelSelector | undefined,
  ...more: readonly (readonly string[] | undefined)[]
): readonly string[] {
  return [
    ...Object.keys(selector?.matchLabels ?? {}),
    ...(selector?.matchExpressions ?? []).map(({ key }) => key),
    ...more.flatMap((keys) => keys ?? []),
  ];
}
