/** Performs the host's effects and feeds results back, as packages/agent/src/host-runner.ts does. */
import { type ClusterName, unreachable } from '@spillway/core';
import type {
  CommitRequest,
  CommitResult,
  CreateOutcome,
  GuestUpdate,
  HostEffect,
  HostEvent,
  Member,
  TryOutcome,
  TryRequest,
  TryResult,
  PatchOutcome,
  ReserveAnswer,
  ReserveRequest,
  UpdateRequest,
  UpdateResult,
} from '@spillway/federation';
import type { ModelApiServer } from '../cluster/api-server.ts';
import { summary } from './effect-summary.ts';
import type { GuestFeed } from './guest-streams.ts';
import { createOutcome, type ModelWrites, shadowOf, tryOutcome } from './writes.ts';

/** An agent, as far as being a host goes. */
interface HostAgent {
  readonly cluster: ClusterName;
  feedHost(event: HostEvent): void;
}

export interface ModelHostRunnerOptions {
  readonly agent: HostAgent;
  readonly api: ModelApiServer;
  readonly writes: ModelWrites;
  readonly trace: (line: string) => void;
}

type Answer<Result> = (result: Result) => void;

export class ModelHostRunner {
  readonly feeds = new Set<GuestFeed>();
  readonly #options: ModelHostRunnerOptions;
  readonly #answers = new Map<number, Answer<never>>();
  #calls = 0;

  constructor(options: ModelHostRunnerOptions) {
    this.#options = options;
  }

  reserve(caller: Member, request: ReserveRequest, answer: Answer<ReserveAnswer>): void {
    const call = this.#called(answer);
    this.#options.agent.feedHost({ kind: 'reserve', call, caller, request });
  }

  tryGuests(caller: Member, request: TryRequest, answer: Answer<readonly TryResult[]>): void {
    const call = this.#called(answer);
    this.#options.agent.feedHost({ kind: 'tryGuests', call, caller, request });
  }

  updateGuests(
    caller: Member,
    request: UpdateRequest,
    answer: Answer<readonly UpdateResult[]>,
  ): void {
    const call = this.#called(answer);
    this.#options.agent.feedHost({ kind: 'updateGuests', call, caller, request });
  }

  commit(caller: Member, request: CommitRequest, answer: Answer<readonly CommitResult[]>): void {
    const call = this.#called(answer);
    this.#options.agent.feedHost({ kind: 'commit', call, caller, request });
  }

  #called(answer: Answer<never>): number {
    const call = this.#calls++;
    this.#answers.set(call, answer);
    return call;
  }

  #answer(call: number, result: unknown): void {
    this.#answers.get(call)?.(result as never);
    this.#answers.delete(call);
  }

  perform(effect: HostEffect): void {
    const { agent, api, trace, writes } = this.#options;
    if (effect.kind !== 'push') trace(`${agent.cluster} host: ${summary(effect)}`);
    switch (effect.kind) {
      case 'reserveReply':
        return this.#answer(effect.call, effect.answer);
      case 'reply':
      case 'tryReply':
      case 'updateReply':
        return this.#answer(effect.call, effect.results);
      case 'refuseCall':
        this.#answers.delete(effect.call);
        return;
      case 'patch': {
        const { guest, namespace, name, shadowUid: uid, patch } = effect;
        return writes.write(
          () => api.patch({ namespace, name, uid }, patch),
          (kind = 'conflict') => {
            const outcome: PatchOutcome =
              kind === 'conflict' ? { kind: 'failed', reason: 'no answer' } : { kind };
            agent.feedHost({ kind: 'patched', guest, outcome });
          },
        );
      }
      case 'try': {
        const { id, home, pod, place } = effect;
        return writes.write(
          () => tryOutcome(api, shadowOf(home, pod, place)),
          (outcome) => {
            const failed: TryOutcome = { kind: 'failed', reason: 'no answer' };
            agent.feedHost({ kind: 'tried', id, outcome: outcome ?? failed });
          },
        );
      }
      case 'push':
        return this.#push(effect.home, effect.update);
      case 'create': {
        const { guest, pod, place } = effect;
        const shadow = shadowOf(guest.home, pod, place);
        return writes.write(
          () => createOutcome(api, shadow),
          (outcome) => {
            const failed: CreateOutcome = { kind: 'failed', reason: 'no answer' };
            agent.feedHost({ kind: 'created', guest, outcome: outcome ?? failed });
          },
        );
      }
      case 'delete': {
        const { guest, namespace, name, shadowUid: uid, gracePeriodSeconds = 30 } = effect;
        return writes.write(
          () => api.delete({ namespace, name, uid }, gracePeriodSeconds),
          (written) => {
            const outcome = written === undefined ? 'failed' : 'ok';
            agent.feedHost({ kind: 'deleted', guest, shadowUid: uid, outcome });
          },
        );
      }
      default:
        return unreachable(effect);
    }
  }

  #push(home: ClusterName, update: GuestUpdate): void {
    for (const feed of this.feeds) if (feed.home === home) feed.push(update);
  }
}
