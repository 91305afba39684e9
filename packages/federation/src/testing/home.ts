/** A home machine for tests, with its clock, its nodes and its neighbours; what the test leaves out is plain. */
import {
  type ClusterEvent,
  type ClusterName,
  type Node,
  type Pod,
  randomStream,
  type ReservationId,
} from '@spillway/core';
import { originCoordinate } from '../membership/coordinates.ts';
import { Directory, directoryPresets } from '../membership/directory.ts';
import { homeDefaults } from '../home/config.ts';
import type { HomeEffect, HomeEvent } from '../home/events.ts';
import { clusterOfVirtualNode, Home } from '../home/home.ts';
import type { TransitionObserver } from '../home/pod-life.ts';
import type { Neighbourhood, Policies, PolicyForPod } from '../home/ports.ts';
import type { TryResult } from '../negotiation.ts';
import { nearest, type PlacementPolicy, policyText } from '../policy/policy.ts';
import { memberOf } from './adverts.ts';
import { advertOf, at, cluster, ledgerOf, plainSeals } from './fixtures.ts';

export interface TestNeighbour {
  readonly name: string;
  /** Free, on its only node. */
  readonly cpu: string;
  /** Not measured without. */
  readonly rttMs?: number;
}

export function directoryOf(
  neighbours: readonly TestNeighbour[],
  config = directoryPresets.lan,
): Directory {
  const directory = new Directory({
    config,
    self: cluster('home'),
    coordinate: () => originCoordinate,
  });
  for (const { name, cpu, rttMs } of neighbours) {
    directory.receive(advertOf(name, cpu), memberOf(name), at(0));
    if (rttMs !== undefined) directory.rttSample(cluster(name), rttMs, at(0));
  }
  return directory;
}

/** That all pods go by `policy`. */
export function policyOf(policy: PlacementPolicy): PolicyForPod {
  return { policy, text: policyText(policy), source: 'the test' };
}

/** An effect that is expected to be there; the first of its kind. */
export function only<Kind extends HomeEffect['kind']>(
  effects: readonly HomeEffect[],
  kind: Kind,
): Extract<HomeEffect, { kind: Kind }> {
  const found = effects.find((effect) => effect.kind === kind);
  if (found === undefined) {
    throw new Error(`no ${kind} among ${effects.map((effect) => effect.kind).join()}`);
  }
  return found as Extract<HomeEffect, { kind: Kind }>;
}

/** Starts at 0 ms, before its caches are whole: `step({ kind: 'synced' })` makes them so. */
export function homeOf({
  nodes,
  neighbours = [],
  neighbourhood = directoryOf(neighbours),
  policies = { policyFor: () => policyOf(nearest) },
  clusterOfNode = clusterOfVirtualNode,
  observe,
}: {
  readonly nodes: readonly Node[];
  readonly neighbours?: readonly TestNeighbour[];
  readonly neighbourhood?: Neighbourhood;
  readonly policies?: Policies;
  readonly clusterOfNode?: (node: string) => ClusterName | undefined;
  readonly observe?: TransitionObserver;
}) {
  const ledger = ledgerOf(...nodes);
  const home = new Home({
    ledger,
    neighbourhood,
    policies,
    seals: plainSeals,
    config: homeDefaults,
    random: randomStream(1, 'home'),
    homeEpoch: 1,
    clusterOfNode,
    observe,
  });
  let now = 0;
  let reservations = 0;
  /** All that it has caused so far. */
  const effects: HomeEffect[] = [];
  const step = (event: HomeEvent): readonly HomeEffect[] => {
    const caused = home.step(event, at(now));
    effects.push(...caused);
    return caused;
  };
  const tickAt = (ms: number): readonly HomeEffect[] => {
    now = ms;
    return step({ kind: 'tick' });
  };
  /** As the watch tells it: the scheduler's snapshot knows it first. */
  const watch = (event: ClusterEvent): readonly HomeEffect[] => {
    ledger.apply(event);
    if (event.kind !== 'Pod') return step({ kind: 'capacityChanged', where: 'home' });
    const { type, object: pod } = event;
    if (type === 'deleted') step({ kind: 'capacityChanged', where: 'home' });
    return step({ kind: type === 'deleted' ? 'podDeleted' : 'pod', pod });
  };
  return {
    home,
    ledger,
    effects,
    step,
    tickAt,
    watch,
    see: (pod: Pod) => watch({ kind: 'Pod', type: 'set', object: pod }),
    later: (ms: number) => tickAt(now + ms),
    /** Time passes, and it is not told. */
    advance: (ms: number): void => {
      now += ms;
    },
    /** Passes to when it wants to be woken, and wakes it. */
    wake: (): { readonly waitedMs: number; readonly effects: readonly HomeEffect[] } => {
      const before = now;
      const caused = tickAt(home.wakeAt() ?? Number.NaN);
      return { waitedMs: now - before, effects: caused };
    },
    /** The host that `reserve` asks grants this much; with nothing, it has no room. */
    grant: (reserve: HomeEffect | undefined, granted: number): readonly HomeEffect[] => {
      const { host, request } = only(reserve === undefined ? [] : [reserve], 'reserve');
      const reservation = { id: `${host}-${++reservations}` as ReservationId, ttlMs: 10_000 };
      const verdicts = [{ code: 'Unschedulable', reason: 'no room', stage: 'Test' } as const];
      const answer = granted > 0 ? { reservation, granted, verdicts: [] } : { granted, verdicts };
      return step({ kind: 'reserved', requestId: request.requestId, host, answer });
    },
    /** The host that `attempt` asks to try pods says so of each. */
    tried: (
      attempt: HomeEffect | undefined,
      result: (pod: Pod) => TryResult = () => ({ outcome: 'ok', dropped: [] }),
    ): readonly HomeEffect[] => {
      const { tryId, host, request } = only(attempt === undefined ? [] : [attempt], 'try');
      return step({ kind: 'tried', tryId, host, results: request.pods.map(result) });
    },
  };
}

export type TestedHome = ReturnType<typeof homeOf>;
