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
  UpdateRequest,
  UpdateResult,
} from '@spillway/federation';
import type { ModelApiServer } from '../cluster/api-server.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { summary } from './effect-summary.ts';
import type { GuestFeed } from './guest-streams.ts';
import { createOutcome, type ModelWrites, shadowOf, tryOutcome } from './writes.ts';

const deleteRetryMs = 2_000;

/** An agent, as far as being a host goes. */
interface HostAgent {
  readonly cluster: ClusterName;
  alive(): boolean;
  feedHost(event: HostEvent): void;
}

export interface ModelHostRunnerOptions {
  readonly agent: HostAgent;
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly writes: ModelWrites;
  readonly trace: (line: string) => void;
}

type Answer<Result> = (results: readonly Result[]) => void;

export class ModelHostRunner {
  readonly feeds = new Set<GuestFeed>();
  readonly #options: ModelHostRunnerOptions;
  readonly #replies = new Map<number, Answer<CommitResult>>();
  readonly #updateReplies = new Map<number, Answer<UpdateResult>>();
  readonly #tryReplies = new Map<number, Answer<TryResult>>();
  #calls = 0;

  constructor(options: ModelHostRunnerOptions) {
    this.#options = options;
  }

  tryGuests(caller: Member, request: TryRequest, answer: Answer<TryResult>): void {
    const call = this.#calls++;
    this.#tryReplies.set(call, answer);
    this.#options.agent.feedHost({ kind: 'tryGuests', call, caller, request });
  }

  updateGuests(caller: Member, request: UpdateRequest, answer: Answer<UpdateResult>): void {
    const call = this.#calls++;
    this.#updateReplies.set(call, answer);
    this.#options.agent.feedHost({ kind: 'updateGuests', call, caller, request });
  }

  commit(caller: Member, request: CommitRequest, answer: Answer<CommitResult>): void {
    const call = this.#calls++;
    this.#replies.set(call, answer);
    this.#options.agent.feedHost({ kind: 'commit', call, caller, request });
  }

  perform(effect: HostEffect): void {
    const { agent, api, trace, writes, time } = this.#options;
    if (effect.kind !== 'push') trace(`${agent.cluster} host: ${summary(effect)}`);
    switch (effect.kind) {
      case 'reply':
        this.#replies.get(effect.call)?.(effect.results);
        this.#replies.delete(effect.call);
        return;
      case 'updateReply':
        this.#updateReplies.get(effect.call)?.(effect.results);
        this.#updateReplies.delete(effect.call);
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
      case 'tryReply':
        this.#tryReplies.get(effect.call)?.(effect.results);
        this.#tryReplies.delete(effect.call);
        return;
      case 'try': {
        const { id, home, pod, node } = effect;
        return writes.write(
          () => tryOutcome(api, shadowOf(home, pod, node)),
          (outcome) => {
            const failed: TryOutcome = { kind: 'failed', reason: 'no answer' };
            agent.feedHost({ kind: 'tried', id, outcome: outcome ?? failed });
          },
        );
      }
      case 'push':
        return this.#push(effect.home, effect.update);
      case 'create': {
        const { guest, pod, node } = effect;
        const shadow = shadowOf(guest.home, pod, node);
        return writes.write(
          () => createOutcome(api, shadow),
          (outcome) => {
            const failed: CreateOutcome = { kind: 'failed', reason: 'no answer' };
            agent.feedHost({ kind: 'created', guest, outcome: outcome ?? failed });
          },
        );
      }
      case 'delete': {
        const { namespace, name, shadowUid: uid, gracePeriodSeconds = 30 } = effect;
        return writes.write(
          () => api.delete({ namespace, name, uid }, gracePeriodSeconds),
          (outcome) => {
            if (outcome !== undefined) return;
            time.after(deleteRetryMs, () => {
              if (agent.alive()) this.perform(effect);
            });
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
