/** Pending pods that are interchangeable: equal shape, policy and eligibility. They are decided together. */
import {
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type PodShape,
  type PodUid,
  shapeOf,
  type Verdict,
} from '@spillway/core';
import type { Template } from '../../advert/template.ts';
import { policyVerdicts } from '../../offload/fence.ts';
import { portablePod, portabilityVerdicts } from '../../offload/portability.ts';
import type { PlacementPolicy } from '../../policy/policy.ts';
import { Backoff } from '../backoff.ts';
import type { HomeConfig } from '../config.ts';
import type { Eligibility } from '../eligibility.ts';
import type { PolicyForPod } from '../ports.ts';
import type { PendingPod } from './pending-pod.ts';
import type { Explanation, Refusal } from './reasons.ts';
import type { ReservationRound } from './reservation-round.ts';

/** What decides where pods go. The pods exist, or a forecast asks about them. */
export interface Outlook {
  readonly shape: PodShape;
  readonly policy: PlacementPolicy;
  /** With a `problem`, no neighbour is asked until its author corrects it. */
  readonly policyFor: PolicyForPod;
  /** Why such pods must stay at home, if they must. */
  readonly stays: readonly Verdict[];
  /** What neighbours have answered last. */
  readonly refusals: ReadonlyMap<ClusterName, Refusal>;
  /** Why a neighbour refuses this template; undefined when it has not refused it. */
  readonly templateRefusal: (cluster: ClusterName, now: MonotonicMs) => string | undefined;
}

export interface PendingGroup extends Outlook {
  readonly key: string;
  /** The key without the template. */
  readonly base: string;
  /** Set when a neighbour has refused it. Then its pods are decided apart from others of their shape. */
  readonly template: Template | undefined;
  readonly eligibility: Eligibility;
  readonly priority: number;
  readonly sample: Pod;
  readonly pods: Map<PodUid, PendingPod>;
  readonly refusals: Map<ClusterName, Refusal>;
  readonly backoff: Backoff;
  /** The back-off between requests to neighbours whose advert says that they are full, while none grants room. */
  readonly doubtBackoff: Backoff;
  nextDoubt: MonotonicMs;
  round: ReservationRound | undefined;
  nextTry: MonotonicMs;
  explanation: Explanation | undefined;
}

/** The key of a group. Pods whose template was refused have a group of their own beside that of `base`. */
export function keyWith(base: string, template: Template | undefined): string {
  return template === undefined ? base : `${base}\n${template}`;
}

/** What pods of one group have in common, but for their template. */
export function groupBase(options: {
  readonly eligibility: Eligibility;
  readonly shape: PodShape;
  readonly pod: Pod;
  readonly policyFor: PolicyForPod;
  readonly stays: Outlook['stays'];
}): string {
  const { source, text, problem } = options.policyFor;
  const kept = options.stays.map(({ reason }) => reason);
  return [
    options.eligibility,
    options.shape.key,
    problem ?? text,
    source,
    kept.join(','),
    options.pod.spec.priority ?? 0,
  ].join('\n');
}

/** The base of the group that a pod belongs to now. */
export function baseOf(pod: Pod, eligibility: Eligibility, policyFor: PolicyForPod): string {
  const stays = staysOf(pod, policyFor);
  return groupBase({ eligibility, shape: shapeOf(pod), pod, policyFor, stays });
}

export function newGroup(options: {
  readonly base: string;
  readonly template: Template | undefined;
  readonly templateRefusal: Outlook['templateRefusal'];
  readonly eligibility: Eligibility;
  readonly pod: Pod;
  readonly policyFor: PolicyForPod;
  readonly stays: Outlook['stays'];
  readonly config: HomeConfig;
  readonly nextTry: MonotonicMs;
}): PendingGroup {
  const { config, nextTry } = options;
  return {
    ...outlookOf(options.pod, options.policyFor, options.stays),
    templateRefusal: options.templateRefusal,
    key: keyWith(options.base, options.template),
    base: options.base,
    template: options.template,
    eligibility: options.eligibility,
    priority: options.pod.spec.priority ?? 0,
    sample: portablePod(options.pod),
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

/** The outlook of pods for which no neighbour was asked yet. */
export function outlookOf(
  pod: Pod,
  policyFor: PolicyForPod,
  stays: Outlook['stays'] = staysOf(pod, policyFor),
): Outlook {
  return {
    shape: shapeOf(pod),
    policy: policyFor.policy,
    policyFor,
    stays,
    refusals: new Map(),
    templateRefusal: () => undefined,
  };
}

/** Why the pod must stay at home: by its policy, or by what it is. */
export function staysOf(pod: Pod, { policy, source }: PolicyForPod): readonly Verdict[] {
  return [...policyVerdicts(pod, policy, source), ...portabilityVerdicts(pod)];
}

/** Why no neighbour is asked at all; undefined when neighbours are asked. */
export function keptHome({
  policyFor,
  stays,
}: Outlook): { readonly problem: string } | { readonly stays: readonly Verdict[] } | undefined {
  if (policyFor.problem !== undefined) return { problem: policyFor.problem };
  return stays.length > 0 ? { stays } : undefined;
}
