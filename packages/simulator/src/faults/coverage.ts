/**
 * Which states of a pod the worlds have put under which fault. A pair is visited when a pod enters the state
 * while the fault is active at its home or at its host. It is also visited when the fault begins while the
 * pod is in the state.
 */
import type { ClusterName, PodUid } from '@spillway/core';
import { clusterOfVirtualNode, type PodState, podStates } from '@spillway/federation';
import { type FaultKind, faultKinds } from './fault-kinds.ts';
import type { Site, WorldHooks } from './model-world.ts';

/** Of a pod that the home does nothing for there is nothing to disturb. */
export type CoveredState = Exclude<PodState, 'untracked'>;
export const coveredStates = Object.keys(podStates).filter(
  (state): state is CoveredState => state !== 'untracked',
);

/** How often each pair was visited. Plain data: it travels between threads. */
export type Visits = Readonly<Record<CoveredState, Readonly<Record<FaultKind, number>>>>;

interface Whereabouts {
  state: CoveredState;
  readonly home: ClusterName;
  host: ClusterName | undefined;
}

export function noVisits(): Record<CoveredState, Record<FaultKind, number>> {
  const none = (): Record<FaultKind, number> =>
    Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  return Object.fromEntries(coveredStates.map((state) => [state, none()])) as Record<
    CoveredState,
    Record<FaultKind, number>
  >;
}

/** Counts of one world. */
export class Coverage {
  readonly visits = noVisits();
  readonly hooks: WorldHooks;
  readonly #pods = new Map<PodUid, Whereabouts>();

  constructor() {
    this.hooks = {
      observe: (site, { ref, to }) => this.#entered(site, ref, to),
      faultBegins: (kind, cluster) => this.#begins(kind, cluster),
    };
  }

  #entered({ world, cluster }: Site, ref: { readonly uid: PodUid }, state: PodState): void {
    if (state === 'untracked') return void this.#pods.delete(ref.uid);
    const known = this.#pods.get(ref.uid);
    const pod = [...cluster.api.pods()].find(({ metadata }) => metadata.uid === ref.uid);
    const host = clusterOfVirtualNode(pod?.spec.nodeName ?? '') ?? known?.host;
    const there = new Set(world.inForce.at(cluster.name));
    if (host !== undefined) for (const kind of world.inForce.at(host)) there.add(kind);
    for (const kind of there) this.visits[state][kind] += 1;
    if (state === 'gone') this.#pods.delete(ref.uid);
    else this.#pods.set(ref.uid, { state, home: cluster.name, host });
  }

  #begins(kind: FaultKind, cluster: ClusterName): void {
    for (const { state, home, host } of this.#pods.values()) {
      if (home === cluster || host === cluster) this.visits[state][kind] += 1;
    }
  }
}

/** Every pair can be visited: each fault happens at any time, whatever becomes of the pods. */
export function unvisited(visits: Visits): readonly { state: CoveredState; fault: FaultKind }[] {
  return coveredStates.flatMap((state) =>
    faultKinds.filter((fault) => visits[state][fault] === 0).map((fault) => ({ state, fault })),
  );
}
