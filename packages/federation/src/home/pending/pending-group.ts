/** Waiting pods that are interchangeable: equal shape, policy and eligibility. Decided together. */
import {
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type PodShape,
  type PodUid,
  shapeOf,
  type Verdict,
} from '@spillway/core';
import type { AdvertVersion } from '../../advert/advert.ts';
import { policyVerdicts } from '../../offload/fence.ts';
import type { PlacementPolicy } from '../../policy/policy.ts';
import type { Template } from '../../advert/template.ts';
import { cutToTravel, travelVerdicts } from '../../offload/travel.ts';
import type { ReservationRound } from './reservation-round.ts';
import { Backoff } from '../backoff.ts';
import type { Eligibility } from '../eligibility.ts';
import type { HomeConfig } from '../config.ts';
import type { PodRef } from '../events.ts';
import type { PodLife } from '../pod-life.ts';
import type { PolicyForPod } from '../ports.ts';

export interface PendingPod {
  readonly ref: PodRef;
  readonly life: PodLife;
  pod: Pod;
  readonly since: MonotonicMs;
  /** When its owner was last told why it waits. */
  told?: MonotonicMs;
}

/** Why a neighbour refused, for as long as that is worth remembering. */
export interface Refusal {
  readonly reason: string;
  readonly until: MonotonicMs;
  /** Of the advert that was believed when asking: a newer one is a new chance. */
  readonly version: AdvertVersion;
}

/** What decides where pods go, be they there or only asked about. */
export interface Outlook {
  readonly shape: PodShape;
  readonly policy: PlacementPolicy;
  /** With a `problem`, its author's mistake: until it is mended, nobody is asked. */
  readonly policyFor: PolicyForPod;
  /** Why such pods must stay at home, if they must. */
  readonly stays: readonly Verdict[];
  /** What neighbours have answered lately. */
  readonly refusals: ReadonlyMap<ClusterName, Refusal>;
  /** Why a neighbour does not take this very template, if it has said so. */
  readonly templateRefusal: (cluster: ClusterName, now: MonotonicMs) => string | undefined;
}

export interface PendingGroup extends Outlook {
  readonly key: string;
  /** The key without the template. */
  readonly base: string;
  /** Set when a neighbour has refused it: its pods are decided apart from others of their shape. */
  readonly template: Template | undefined;
  readonly eligibility: Eligibility;
  readonly priority: number;
  readonly sample: Pod;
  readonly pods: Map<PodUid, PendingPod>;
  readonly refusals: Map<ClusterName, Refusal>;
  readonly backoff: Backoff;
  /** Of asking neighbours that said they were full, while none of them grants anything. */
  readonly doubtBackoff: Backoff;
  nextDoubt: MonotonicMs;
  round: ReservationRound | undefined;
  nextTry: MonotonicMs;
  explanation: Explanation | undefined;
}

export interface Explanation {
  readonly message: string;
  readonly home: readonly Verdict[];
  readonly neighbours: ReadonlyMap<ClusterName, string>;
}

/** Of the groups of one `base`, the one of pods whose template has been refused. */
export function keyWith(base: string, template: Template | undefined): string {
  return template === undefined ? base : `${base}\n${template}`;
}

/** What pods of one group have in common, but for their template. */
export function groupBase(options: {
  readonly eligibility: Eligibility;
  readonly shape: PodShape;
  readonly pod: Pod;
  readonly policyFor: PolicyForPod;
}): string {
  const { source, text, problem } = options.policyFor;
  const kept = staysOf(options.pod, options.policyFor).map(({ reason }) => reason);
  return [
    options.eligibility,
    options.shape.key,
    problem ?? text,
    source,
    kept.join(','),
    options.pod.spec.priority ?? 0,
  ].join('\n');
}

export function newGroup(options: {
  readonly base: string;
  readonly template: Template | undefined;
  readonly templateRefusal: Outlook['templateRefusal'];
  readonly eligibility: Eligibility;
  readonly pod: Pod;
  readonly policyFor: PolicyForPod;
  readonly config: HomeConfig;
  readonly nextTry: MonotonicMs;
}): PendingGroup {
  const { config, nextTry } = options;
  return {
    ...outlookOf(options.pod, options.policyFor),
    templateRefusal: options.templateRefusal,
    key: keyWith(options.base, options.template),
    base: options.base,
    template: options.template,
    eligibility: options.eligibility,
    priority: options.pod.spec.priority ?? 0,
    sample: cutToTravel(options.pod),
    pods: new Map(),
    refusals: new Map(),
    backoff: new Backoff(config.retryMsMin, config.retryMsMax),
    doubtBackoff: new Backoff(config.doubtMs, config.doubtRetryMsMax),
    nextDoubt: nextTry,
    round: undefined,
    nextTry,
    explanation: undefined,
  };
}

/** Of pods that nobody has been asked about yet. */
export function outlookOf(pod: Pod, policyFor: PolicyForPod): Outlook {
  return {
    shape: shapeOf(pod),
    policy: policyFor.policy,
    policyFor,
    stays: staysOf(pod, policyFor),
    refusals: new Map(),
    templateRefusal: () => undefined,
  };
}

/** Why the pod must stay at home: by its policy, or by what it is. */
function staysOf(pod: Pod, { policy, source }: PolicyForPod): readonly Verdict[] {
  return [...policyVerdicts(pod, policy, source), ...travelVerdicts(pod)];
}

/** Why no neighbour is asked, whatever it has; undefined when they are asked. */
export function keptHome({
  policyFor,
  stays,
}: Outlook): { readonly problem: string } | { readonly stays: readonly Verdict[] } | undefined {
  if (policyFor.problem !== undefined) return { problem: policyFor.problem };
  return stays.length > 0 ? { stays } : undefined;
}
