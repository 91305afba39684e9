/** Performs the home's effects and feeds results back, as packages/agent/src/home-runner.ts does. */
import { Fault, unreachable, virtualNodeName } from '@spillway/core';
import type { HomeEffect, Neighbourhood, PodRef } from '@spillway/federation';
import type { ModelApiServer } from '../cluster/api-server.ts';
import { type Caller, callHost, type Road } from './calls.ts';
import { summary } from './effect-summary.ts';
import type { ModelGossip } from './speaker.ts';
import type { ModelWrites } from './writes.ts';

export interface ReservedSlots {
  readonly asked: number;
  readonly granted: number;
  readonly stalenessMs: number;
}

export interface ModelHomeRunnerOptions extends Road {
  readonly agent: Caller;
  readonly api: ModelApiServer;
  readonly writes: ModelWrites;
  readonly gossip: ModelGossip;
  readonly neighbourhood: Neighbourhood;
  /** A neighbour has answered, by an advert that was said so long ago. */
  readonly onReserved?: (slots: ReservedSlots) => void;
}

/** As Kubernetes defaults it. */
const graceDefaultSeconds = 30;

export class ModelHomeRunner {
  readonly #options: ModelHomeRunnerOptions;

  constructor(options: ModelHomeRunnerOptions) {
    this.#options = options;
  }

  perform(effect: HomeEffect): void {
    const { agent, api, trace, writes } = this.#options;
    const { kind } = effect;
    if (kind !== 'explain' && kind !== 'tell') trace(`${agent.cluster} home: ${summary(effect)}`);
    switch (kind) {
      case 'bindLocally':
      case 'bindAway': {
        const { ref } = effect;
        const node = kind === 'bindLocally' ? effect.node : virtualNodeName(effect.host);
        return writes.write(
          () => api.bind(ref, node, kind === 'bindAway' ? effect.annotations : {}),
          (outcome) => {
            const event = kind === 'bindLocally' ? 'boundLocally' : 'boundAway';
            agent.feedHome({ kind: event, uid: ref.uid, outcome: outcome ?? 'failed' });
          },
        );
      }
      case 'bindVolumes':
        throw new Fault('Internal', 'no pod of the simulator has volumes');
      case 'preempt':
        return this.#preempt(effect);
      case 'unnominate':
        return writes.write(
          () => api.nominate(effect.ref, undefined),
          () => {},
        );
      case 'reserve':
      case 'try':
      case 'commit':
      case 'update':
      case 'release':
        return callHost(effect, agent, this.#road(effect));
      case 'writeStatus': {
        const { ref, status } = effect;
        return writes.write(
          () => api.patchStatus(ref, status),
          (outcome) => this.#written('statusWritten', ref, outcome),
        );
      }
      case 'finalize': {
        const { ref } = effect;
        return writes.write(
          () => api.delete(ref, 0),
          (outcome) => this.#written('finalized', ref, outcome),
        );
      }
      case 'evict': {
        const { ref } = effect;
        return writes.write(
          () => api.delete(ref, graceDefaultSeconds),
          (outcome) => this.#written('evicted', ref, outcome),
        );
      }
      case 'checkOrphan': {
        const { ref, host } = effect;
        return writes.write(
          () => ({ pod: api.pod(ref.namespace, ref.name) }),
          (found) => {
            if (found) agent.feedHome({ kind: 'orphanChecked', host, ref, pod: found.pod });
          },
        );
      }
      case 'giveBack':
      case 'explain':
      case 'tell':
        return;
      default:
        return unreachable(effect);
    }
  }

  #preempt({ ref, node, victims }: Extract<HomeEffect, { kind: 'preempt' }>): void {
    const { agent, api, writes } = this.#options;
    const ended = (): void =>
      agent.feedHome({ kind: 'preempted', uid: ref.uid, outcome: failed ? 'failed' : 'ok' });
    let [failed, left] = [false, victims.length];
    writes.write(
      () => api.nominate(ref, node),
      (nominated) => {
        failed = nominated === undefined;
        if (failed || left === 0) return ended();
        for (const victim of victims) {
          writes.write(
            () => api.preempt(victim),
            (outcome) => {
              failed ||= outcome === undefined;
              left -= 1;
              if (left === 0) ended();
            },
          );
        }
      },
    );
  }

  #road(effect: HomeEffect): Road {
    const { onReserved, time, gossip, neighbourhood } = this.#options;
    if (effect.kind !== 'reserve' || onReserved === undefined) return this.#options;
    const { count } = effect.request;
    const decidedBy = neighbourhood.neighbour(effect.host)?.advert;
    const saidAt = decidedBy && gossip.saidAt(decidedBy);
    const stalenessMs = time.now - (saidAt ?? time.now);
    return {
      ...this.#options,
      onGranted: (granted) => onReserved({ asked: count, granted, stalenessMs }),
    };
  }

  #written(
    kind: 'statusWritten' | 'finalized' | 'evicted',
    { uid }: PodRef,
    outcome: 'ok' | 'gone' | undefined,
  ): void {
    this.#options.agent.feedHome({ kind, uid, outcome: outcome ?? 'failed' });
  }
}
