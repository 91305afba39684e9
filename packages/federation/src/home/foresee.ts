/** A forecast by what the home machine knows: its policies, which pods are eligible, and what its neighbours answered. */
import type { ClusterName, MonotonicMs, PersistentVolumeClaim, Pod } from '@spillway/core';
import { type Forecast, forecast } from '../placement/forecast.ts';
import { ephemeralClaims, withNewClaims } from '../placement/new-claims.ts';
import { type Eligibility, eligibilityOf } from './eligibility.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { Outlook } from './pending/pending-group.ts';
import type { Refusal } from './pending/reasons.ts';
import type { LocalLedger, Neighbourhood, Policies, PolicyForPod } from './ports.ts';

/** `count` equal pods that do not exist. */
export interface ForecastRequest {
  /** Its UID must be its own. */
  readonly pod: Pod;
  readonly count: number;
  /** Of a namespace that does not exist either; else what is known of the pod's namespace counts. */
  readonly namespace?: NamespaceFacts;
  /** What neighbours have answered that were asked for such a pod just now. */
  readonly refused?: ReadonlyMap<ClusterName, string>;
}

export interface Foreseen extends Forecast {
  /** As once the cluster's own scheduler has found no room; undefined: Spillway leaves them alone. */
  readonly eligibility: Eligibility | undefined;
  readonly policyFor: PolicyForPod;
}

export interface ForeseeOptions {
  readonly policies: Policies;
  readonly ledger: LocalLedger;
  readonly neighbourhood: Neighbourhood;
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly placed: ReadonlyMap<ClusterName, number>;
  readonly outlook: (
    pod: Pod,
    eligibility: Eligibility | undefined,
    policyFor: PolicyForPod,
  ) => Outlook;
  readonly now: MonotonicMs;
  /** That come with the pods. */
  readonly claims: readonly PersistentVolumeClaim[];
}

/** One answer for each request, in their order; each pod is counted for those that follow. */
export function foresee(
  requests: readonly ForecastRequest[],
  options: ForeseeOptions,
): readonly Foreseen[] {
  const { policies, ledger, neighbourhood, namespaces, placed, now } = options;
  const batches = requests.map(({ pod, count, namespace: given, refused }) => {
    const namespace = given ?? namespaces.get(pod.metadata.namespace ?? 'default');
    const eligibility = eligibilityOf(unschedulable(pod), namespace?.offload ?? false);
    const policyFor = policies.policyFor(pod, namespace?.annotations ?? {});
    const known = options.outlook(pod, eligibility, policyFor);
    const refusals = new Map([...known.refusals, ...standing(refused, neighbourhood)]);
    return { pod, count, eligibility, outlook: { ...known, refusals } };
  });
  const claims = [...options.claims, ...requests.flatMap(({ pod }) => ephemeralClaims(pod))];
  const forecasts = forecast(batches, {
    snapshot: withNewClaims(ledger.snapshot, claims),
    neighbours: neighbourhood.neighbours(),
    placed,
    now,
  });
  return forecasts.map((each, i) => {
    const { eligibility, outlook } = batches[i] as (typeof batches)[number];
    return { ...each, eligibility, policyFor: outlook.policyFor };
  });
}

/** As the pod would be once the cluster's own scheduler had found no room for it. */
function unschedulable(pod: Pod): Pod {
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
  return { ...pod, status: { phase: 'Pending', conditions: [condition] } };
}

/** Answers of this moment count for as long as the request takes. */
function* standing(
  refused: ForecastRequest['refused'],
  neighbourhood: Neighbourhood,
): Iterable<[ClusterName, Refusal]> {
  for (const [cluster, reason] of refused ?? []) {
    const neighbour = neighbourhood.neighbour(cluster);
    if (neighbour === undefined) continue;
    const until = Number.POSITIVE_INFINITY as MonotonicMs;
    yield [cluster, { reason, until, version: neighbour.advert.version }];
  }
}
