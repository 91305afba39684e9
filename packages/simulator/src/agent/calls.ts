/** A home's calls to a host, as packages/agent/src/home-runner.ts makes them. */
import { type ClusterName, isFault } from '@spillway/core';
import {
  type CommitRequest,
  type CommitResult,
  type HomeEffect,
  type HomeEvent,
  type HostEvent,
  type Member,
  refOf,
  type ReserveAnswer,
  type ReserveRequest,
  type TryRequest,
  type TryResult,
  type UpdateRequest,
  type UpdateResult,
} from '@spillway/federation';
import { memberOf, type ModelNetwork } from '../network/network.ts';
import type { VirtualTime } from '../virtual-time.ts';

const deadlineMs = { reserve: 5_000, try: 8_000, commit: 15_000, update: 15_000, release: 10_000 };

export interface Caller {
  readonly cluster: ClusterName;
  readonly epoch: number;
  alive(): boolean;
  feedHome(event: HomeEvent): void;
}

interface Callee {
  readonly cluster: ClusterName;
  readonly synced: boolean;
  alive(): boolean;
  feedHost(event: HostEvent): void;
  serveReserve(
    caller: Member,
    request: ReserveRequest,
    answer: (answer: ReserveAnswer) => void,
  ): void;
  serveTry(
    caller: Member,
    request: TryRequest,
    answer: (results: readonly TryResult[]) => void,
  ): void;
  serveUpdate(
    caller: Member,
    request: UpdateRequest,
    answer: (results: readonly UpdateResult[]) => void,
  ): void;
  serveCommit(
    caller: Member,
    request: CommitRequest,
    answer: (results: readonly CommitResult[]) => void,
  ): void;
}

export interface Road {
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  readonly agentOf: (cluster: ClusterName) => Callee | undefined;
  readonly trace: (line: string) => void;
  /** How many slots a host has granted. */
  readonly onGranted?: (granted: number) => void;
}

type HostCall = Extract<HomeEffect, { kind: 'reserve' | 'try' | 'commit' | 'update' | 'release' }>;

export function callHost(effect: HostCall, from: Caller, road: Road): void {
  const { host } = effect;
  const member = memberOf(from.cluster);
  switch (effect.kind) {
    case 'reserve': {
      const { request } = effect;
      const { requestId } = request;
      return call<ReserveAnswer>({
        effect,
        from,
        road,
        serve: (to, answer) => to.serveReserve(member, request, answer),
        done: (answer) => {
          road.onGranted?.(answer?.granted ?? 0);
          from.feedHome({ kind: 'reserved', requestId, host, answer });
        },
      });
    }
    case 'try': {
      const { request, tryId } = effect;
      return call<readonly TryResult[]>({
        effect,
        from,
        road,
        serve: (to, answer) => to.serveTry(member, request, answer),
        done: (results) => from.feedHome({ kind: 'tried', tryId, host, results }),
      });
    }
    case 'commit': {
      const { request } = effect;
      const uids = request.pods.map((pod) => refOf(pod).uid);
      return call<readonly CommitResult[]>({
        effect,
        from,
        road,
        serve: (to, answer) => to.serveCommit(member, request, answer),
        done: (results) => from.feedHome({ kind: 'committed', host, uids, results }),
      });
    }
    case 'update': {
      const { request } = effect;
      const { pods } = request;
      return call<readonly UpdateResult[]>({
        effect,
        from,
        road,
        serve: (to, answer) => to.serveUpdate(member, request, answer),
        done: (results) => from.feedHome({ kind: 'updated', host, pods, results }),
      });
    }
    case 'release': {
      const { reservations } = effect;
      const request = { homeEpoch: from.epoch, reservations, guests: effect.guests };
      const guests = effect.guests.map(({ uid }) => uid);
      return call<true>({
        effect,
        from,
        road,
        serve: (to, answer) => {
          to.feedHost({ kind: 'release', caller: member, request });
          answer(true);
        },
        done: (ok) => {
          if (guests.length === 0) return;
          from.feedHome({ kind: 'released', host, guests, outcome: ok ? 'ok' : 'failed' });
        },
      });
    }
  }
}

/** A host that is not synced, or refuses an old epoch, gives no answer: the call fails. */
function call<Answer>(options: {
  readonly effect: HostCall;
  readonly from: Caller;
  readonly road: Road;
  readonly serve: (to: Callee, answer: (value: Answer) => void) => void;
  readonly done: (answer: Answer | undefined) => void;
}): void {
  const { effect, from, road, serve, done } = options;
  const { host, kind } = effect;
  const target = road.agentOf(host);
  road.network.call<Answer>({
    from,
    to: () => target,
    callee: host,
    deadlineMs: deadlineMs[kind],
    serve: (answer) => {
      if (!target?.synced) return;
      try {
        serve(target, answer);
      } catch (error) {
        if (!isFault(error) || error.code === 'Internal') throw error;
        road.trace(`${host} refuses ${kind} of ${from.cluster}: ${error.message}`);
      }
    },
    done,
  });
}
