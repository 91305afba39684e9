/**
 * Which placement policy applies to a pod. The one nearest to the pod wins as a whole. Nothing is merged, so
 * that one place says all that applies:
 *
 * A cluster that leaves the federation keeps all pods at home; this goes before the rest.
 *
 *  1. the annotation of the pod;
 *  2. an OffloadPolicy of its namespace that selects it: the one with the highest precedence, then one with
 *     a podSelector, then the first by name;
 *  3. the annotation of its namespace;
 *  4. the default of the federation, from the agent's configuration.
 *
 * The first by name, and not the oldest: applying the same policies again must not change what applies.
 *
 * A policy that cannot be read holds its pods until it is fixed. A wider policy could send them where its
 * author forbids it.
 */
import { Fault, type Pod, wellKnown } from '@spillway/core';
import { matchesLabels } from '@spillway/scheduling';
import type { Policies, PolicyForPod } from '../home/ports.ts';
import { type OffloadPolicy, placementPolicyOf } from './offload-policy.ts';
import { nearest, parsePolicy, type PlacementPolicy, policyText } from './policy.ts';

type Read = PlacementPolicy | { readonly problem: string };

interface Entry {
  readonly object: OffloadPolicy;
  readonly policy: Read;
}

/** What to tell the author of an OffloadPolicy. */
export interface PolicyReport {
  readonly namespace: string;
  readonly name: string;
  readonly object: OffloadPolicy;
  /** Undefined when it can't be read. */
  readonly text: string | undefined;
  readonly inForce: boolean;
  readonly reason: 'InForce' | 'Shadowed' | 'Unreadable';
  readonly message: string;
}

/** Texts of annotations whose reading is remembered. */
const rememberedMax = 1_000;

const leavingPolicy: PlacementPolicy = Object.freeze({ ...nearest, mayLeave: false });
const leavingSource = '"spillway leave": this cluster leaves the federation';

export class PolicyBook implements Policies {
  readonly #default: PlacementPolicy;
  readonly #read = new Map<string, Read>();
  #leaving = false;
  /** By namespace, in the order in which they are asked. */
  readonly #policies = new Map<string, readonly Entry[]>();

  /** @throws Fault `InvalidConfig` when the default can't be read. */
  constructor(federationDefault: string) {
    const policy = parsePolicy(federationDefault);
    if ('problem' in policy) throw new Fault('InvalidConfig', `policy: ${policy.problem}`);
    this.#default = policy;
  }

  /** From now on every pod stays at home, even if a policy says otherwise. */
  leave(): void {
    this.#leaving = true;
  }

  set(object: OffloadPolicy): void {
    const { namespace = '', name = '' } = object.metadata;
    const entry = { object, policy: placementPolicyOf(object.spec) };
    const others = this.#others(namespace, name);
    this.#policies.set(namespace, [...others, entry].toSorted(byPrecedence));
  }

  delete({ metadata: { namespace = '', name = '' } }: Pick<OffloadPolicy, 'metadata'>): void {
    const others = this.#others(namespace, name);
    if (others.length > 0) this.#policies.set(namespace, others);
    else this.#policies.delete(namespace);
  }

  /** Namespaces that have any. */
  namespaces(): readonly string[] {
    return [...this.#policies.keys()];
  }

  policyFor(pod: Pod, namespaceAnnotations: Readonly<Record<string, string>>): PolicyForPod {
    if (this.#leaving) return { policy: leavingPolicy, source: leavingSource, text: 'leaving' };
    const own = pod.metadata.annotations?.[wellKnown.policyAnnotation];
    if (own !== undefined)
      return this.#written(own, `annotation ${wellKnown.policyAnnotation} of the pod itself`);
    const { namespace = 'default', labels = {} } = pod.metadata;
    const entry = this.#policies
      .get(namespace)
      ?.find(({ object }) => matchesAll(object.spec.podSelector, labels));
    if (entry !== undefined) return decided(entry, namespace, labels);
    const theirs = namespaceAnnotations[wellKnown.policyAnnotation];
    if (theirs !== undefined)
      return this.#written(
        theirs,
        `annotation ${wellKnown.policyAnnotation} of namespace ${namespace}`,
      );
    return answer(this.#default, 'policy in the agent’s configuration', '');
  }

  reports(namespace: string): readonly PolicyReport[] {
    const entries = this.#policies.get(namespace) ?? [];
    return entries.map((entry, i) => {
      const { object, policy } = entry;
      const { name = '' } = object.metadata;
      const base = { namespace, name, object };
      if ('problem' in policy) {
        const message = `${policy.problem}; the pods it selects wait`;
        return { ...base, text: undefined, inForce: false, reason: 'Unreadable', message };
      }
      const text = policyText(policy);
      const before = entries.slice(0, i).find((each) => each.object.spec.podSelector === undefined);
      if (before !== undefined) {
        const message = `OffloadPolicy ${before.object.metadata.name} has priority and selects every pod of the namespace`;
        return { ...base, text, inForce: false, reason: 'Shadowed', message };
      }
      return { ...base, text, inForce: true, reason: 'InForce', message: describe(entry) };
    });
  }

  #others(namespace: string, name: string): readonly Entry[] {
    const entries = this.#policies.get(namespace) ?? [];
    return entries.filter(({ object }) => object.metadata.name !== name);
  }

  #written(text: string, source: string): PolicyForPod {
    const policy = this.#read.get(text) ?? parsePolicy(text);
    if (this.#read.size < rememberedMax) this.#read.set(text, policy);
    return answer(policy, source, text);
  }
}

function decided(
  { object, policy }: Entry,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): PolicyForPod {
  const source = `OffloadPolicy ${namespace}/${object.metadata.name}`;
  const { mayLeave } = object.spec;
  const stays = mayLeave?.pods === 'Matching' && !matchesAll(mayLeave.podSelector, labels);
  if (stays && !('problem' in policy)) return answer({ ...policy, mayLeave: false }, source, '');
  return answer(policy, source, `${source} can't be read`);
}

function answer(policy: Read, source: string, text: string): PolicyForPod {
  if ('problem' in policy) return { policy: nearest, source, text, problem: policy.problem };
  return { policy, source, text: policyText(policy) };
}

function matchesAll(
  selector: OffloadPolicy['spec']['podSelector'],
  labels: Readonly<Record<string, string>>,
): boolean {
  return selector === undefined || matchesLabels(selector, labels);
}

function byPrecedence({ object: a }: Entry, { object: b }: Entry): number {
  return (
    (b.spec.precedence ?? 0) - (a.spec.precedence ?? 0) ||
    Number(a.spec.podSelector === undefined) - Number(b.spec.podSelector === undefined) ||
    ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1)
  );
}

function describe({ object: { spec } }: Entry): string {
  const pods = spec.podSelector === undefined ? 'all pods of the namespace' : 'the pods it selects';
  return `${pods} follow it, except pods with their own annotation`;
}
