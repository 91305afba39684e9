/** Counts pod templates by what the shipped code says of them. Bounded: it keeps counts, and a few names. */
import { needsOf, type PortabilityVerdict, portabilityVerdicts } from '@spillway/federation';
import type { PodTemplate } from './pod-templates.ts';

/** Maximum number of files and objects that are named, each with why it was not counted. */
export const namedMax = 1_000;

export interface Reason {
  /** The field of a pod: `volumes[].hostPath`. */
  readonly field: string;
  readonly templates: number;
  /** Templates that nothing else holds back. */
  readonly alone: number;
  /** The first template that it holds back, and what is said of it. */
  readonly example: Pick<PodTemplate, 'name' | 'where'> & Pick<PortabilityVerdict, 'reason'>;
}

export interface Census {
  readonly templates: number;
  readonly mayLeave: number;
  /** 0 to 100, with one digit; 0 of none. */
  readonly mayLeavePercent: number;
  /** Beside `templates`: they never leave, and are not meant to. */
  readonly daemonSets: number;
  /** Most templates first. */
  readonly kinds: readonly {
    readonly kind: string;
    readonly templates: number;
    readonly mayLeave: number;
  }[];
  /** Most templates first. */
  readonly heldBackBy: readonly Reason[];
  readonly files: {
    readonly withTemplates: number;
    readonly withoutTemplates: number;
    /** Templates of Helm, which are manifests only once `helm template` has filled them in. */
    readonly helmTemplates: number;
    readonly unread: number;
  };
  /** Files and objects that could not be read; the first `namedMax`. */
  readonly problems: readonly string[];
}

type Counted = { -readonly [key in keyof Reason]: Reason[key] };

export class Tally {
  #daemonSets = 0;
  readonly #kinds = new Map<string, { templates: number; mayLeave: number }>();
  readonly #reasons = new Map<string, Counted>();
  readonly #files = { withTemplates: 0, withoutTemplates: 0, helmTemplates: 0, unread: 0 };
  readonly #problems: string[] = [];

  file(of: keyof Census['files'], problem?: string): void {
    this.#files[of] += 1;
    if (problem !== undefined && this.#problems.length < namedMax) this.#problems.push(problem);
  }

  template({ kind, name, where, pod }: PodTemplate): void {
    if (kind === 'DaemonSet') {
      this.#daemonSets += 1;
      return;
    }
    const stays = byField([...portabilityVerdicts(pod), ...needs(pod.spec)]);
    const counts = this.#kinds.get(kind) ?? { templates: 0, mayLeave: 0 };
    counts.templates += 1;
    if (stays.length === 0) counts.mayLeave += 1;
    this.#kinds.set(kind, counts);
    for (const { field, reason } of stays) {
      const found = this.#reasons.get(field);
      const counted = found ?? { field, templates: 0, alone: 0, example: { name, where, reason } };
      counted.templates += 1;
      if (stays.length === 1) counted.alone += 1;
      this.#reasons.set(field, counted);
    }
  }

  result(): Census {
    const kinds = [...this.#kinds].map(([kind, counts]) => ({ kind, ...counts }));
    const templates = kinds.reduce((sum, each) => sum + each.templates, 0);
    const mayLeave = kinds.reduce((sum, each) => sum + each.mayLeave, 0);
    return {
      templates,
      mayLeave,
      mayLeavePercent: templates === 0 ? 0 : Math.round((1000 * mayLeave) / templates) / 10,
      daemonSets: this.#daemonSets,
      kinds: kinds.toSorted((a, b) => b.templates - a.templates || order(a.kind, b.kind)),
      heldBackBy: [...this.#reasons.values()].toSorted(
        (a, b) => b.templates - a.templates || order(a.field, b.field),
      ),
      files: { ...this.#files },
      problems: this.#problems,
    };
  }
}

/** What a pod needs does not leave with it yet: it runs where an operator has put the same beforehand. */
function needs(
  spec: PodTemplate['pod']['spec'],
): readonly Pick<PortabilityVerdict, 'field' | 'reason'>[] {
  const { configMaps, secrets } = needsOf(spec);
  return [
    ...configMaps.map((name) => ({ field: 'ConfigMap', reason: `needs ConfigMap ${name}` })),
    ...secrets.map((name) => ({ field: 'Secret', reason: `needs Secret ${name}` })),
  ];
}

/** One of each field: a pod with two hostPath volumes is held back by hostPath once. */
function byField<T extends { readonly field: string }>(verdicts: readonly T[]): readonly T[] {
  const first = new Map<string, T>();
  for (const verdict of verdicts) if (!first.has(verdict.field)) first.set(verdict.field, verdict);
  return [...first.values()];
}

function order(a: string, b: string): number {
  return a < b ? -1 : 1;
}
