/**
 * Runs the agent's machine (packages/agent-core) on a simulated API server and network, as
 * packages/agent/src/driver.ts does on real ones. It decides nothing.
 */
import type {
  Agent,
  AgentEffect,
  AgentEvent,
  Answer,
  Answers,
  Call,
  CallWork,
  Ended,
  GuestFeed,
  Work,
  WorkOf,
} from '@spillway/agent-core';
import { callDeadlineMs, isCallWork } from '@spillway/agent-core';
import { type ClusterName, isFault, type MonotonicMs, unreachable } from '@spillway/core';
import type { Advert, GuestUpdate, Member, Neighbourhood, Receipt } from '@spillway/federation';
import type { ModelApiServer } from '../cluster/api-server.ts';
import { memberOf, type ModelNetwork } from '../network/network.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { summary } from './effect-summary.ts';
import type { ModelGossip } from './gossip.ts';
import { failed, performWrite } from './perform-write.ts';
import type { ModelWrites } from './writes.ts';

/** What a neighbour's driver answers calls with. */
export interface Callee {
  readonly cluster: ClusterName;
  alive(): boolean;
  serve(caller: Member, of: Call, answered: (answer: Answer) => void): void;
  /** @throws Fault as `Agent.openFeed`. */
  openFeed(caller: Member, homeEpoch: number): GuestFeed;
  closeFeed(feed: GuestFeed): void;
}

export interface ReservedSlots {
  readonly asked: number;
  readonly granted: number;
  readonly stalenessMs: number;
}

/** `perform` performs the effect; a test that ends the agent at this effect does not call it, or ends the agent in it. */
export type Act = (effect: AgentEffect, perform: () => void) => void;

export interface ModelDriverOptions {
  readonly agent: Pick<
    Agent,
    'step' | 'wakeAt' | 'receive' | 'awaitsNews' | 'openFeed' | 'closeFeed' | 'drained'
  >;
  readonly cluster: ClusterName;
  readonly epoch: number;
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  readonly gossip: ModelGossip;
  readonly neighbourhood: Neighbourhood;
  readonly writes: ModelWrites;
  /** The agent that is active in a cluster now, if one is. */
  readonly agentOf: (cluster: ClusterName) => Callee | undefined;
  readonly alive: () => boolean;
  readonly trace: (line: string) => void;
  /** A neighbour has answered, by an advert that was said so long ago. */
  readonly onReserved?: (slots: ReservedSlots) => void;
  readonly act?: Act | undefined;
}

/** Until a home notices that the agent at the other end of a stream is gone (ms). */
const goneNoticedMs = 1_000;

export class ModelDriver implements Callee {
  readonly cluster: ClusterName;
  readonly #options: ModelDriverOptions;
  readonly #calls = new Map<number, (answer: Answer) => void>();
  readonly #closers = new Map<number, () => void>();
  #nextCall = 0;
  #wake: MonotonicMs | undefined;
  #drained: (() => void) | undefined;

  constructor(options: ModelDriverOptions) {
    this.#options = options;
    this.cluster = options.cluster;
  }

  alive(): boolean {
    return this.#options.alive();
  }

  feed(event: AgentEvent): void {
    const { agent, time, gossip, cluster, act } = this.#options;
    if (!this.alive()) return;
    const listened = agent.awaitsNews(time.now);
    for (const effect of agent.step(event, time.now)) {
      if (act === undefined) this.#perform(effect);
      else if (this.alive()) act(effect, () => this.#perform(effect));
    }
    if (!listened && agent.awaitsNews(time.now)) gossip.attend(cluster);
    this.#setWake();
    if (agent.drained) this.#drained?.();
  }

  /** For an agent that has been stopped. */
  whenDrained(drained: () => void): void {
    if (this.#options.agent.drained) drained();
    else this.#drained = drained;
  }

  /** @returns whether it is news. What follows from it happens at once only if a decision waits for it. */
  advert(advert: Advert, from: Member): Receipt {
    const { agent, time } = this.#options;
    const receipt = agent.receive(advert, from, time.now);
    if (receipt === 'accepted' && agent.awaitsNews(time.now)) this.feed({ kind: 'tick' });
    return receipt;
  }

  serve(caller: Member, of: Call, answered: (answer: Answer) => void): void {
    const call = this.#nextCall++;
    this.#calls.set(call, answered);
    this.feed({ kind: 'call', call, caller, of });
  }

  openFeed(caller: Member, homeEpoch: number): GuestFeed {
    return this.#options.agent.openFeed(caller, homeEpoch);
  }

  closeFeed(feed: GuestFeed): void {
    this.#options.agent.closeFeed(feed);
  }

  #setWake(): void {
    const { agent, time } = this.#options;
    const at = agent.wakeAt(time.now);
    if (at === undefined || (this.#wake !== undefined && this.#wake <= at)) return;
    const wake = Math.max(at, time.now) as MonotonicMs;
    this.#wake = wake;
    time.at(wake, () => {
      if (this.#wake !== wake) return;
      this.#wake = undefined;
      this.feed({ kind: 'tick' });
    });
  }

  #perform(effect: AgentEffect): void {
    const { gossip, trace, cluster } = this.#options;
    switch (effect.kind) {
      case 'perform':
        trace(`${cluster}: ${summary(effect.work)}`);
        return this.#work(effect.work, (ended) => {
          this.feed({ kind: 'ended', id: effect.id, ended });
        });
      case 'publish': {
        const payloadBytes = gossip.publish(effect.advert, effect.changedAt);
        return this.feed({ kind: 'published', payloadBytes, clusters: gossip.clusters });
      }
      case 'answer': {
        const answered = this.#calls.get(effect.call);
        this.#calls.delete(effect.call);
        return answered?.(effect.answer);
      }
      case 'openGuests':
        return this.#readGuests(effect.watch, effect.host);
      case 'closeGuests':
        return this.#closers.get(effect.watch)?.();
      case 'notice':
        return;
      default:
        return unreachable(effect);
    }
  }

  #work(work: Work, done: (ended: Ended) => void): void {
    if (isCallWork(work)) this.#callHost(work, done);
    else performWrite(work, this.#options, done);
  }

  #callHost(work: CallWork, done: (ended: Ended) => void): void {
    const { epoch } = this.#options;
    const { kind } = work;
    switch (kind) {
      case 'reserve': {
        const reserved = this.#measured(work);
        const of = { kind: 'reserve', request: work.request } as const;
        const heard = (ended: Ended): void => {
          reserved(ended.kind === kind ? ended.value.granted : 0);
          done(ended);
        };
        return this.#call(work, of, heard, (value) => ({ kind, value }));
      }
      case 'try': {
        const of = { kind: 'tryGuests', request: work.request } as const;
        return this.#call(work, of, done, (value) => ({ kind, value }));
      }
      case 'commit': {
        const of = { kind: 'commit', request: work.request } as const;
        return this.#call(work, of, done, (value) => ({ kind, value }));
      }
      case 'update': {
        const of = { kind: 'updateGuests', request: work.request } as const;
        return this.#call(work, of, done, (value) => ({ kind, value }));
      }
      case 'release': {
        const { reservations, guests } = work;
        const of = {
          kind: 'release',
          request: { homeEpoch: epoch, reservations, guests },
        } as const;
        return this.#call(work, of, done, () => ({ kind, value: 'ok' }));
      }
      default:
        return unreachable(work);
    }
  }

  #call<Kind extends Call['kind']>(
    work: CallWork,
    of: Extract<Call, { kind: Kind }>,
    done: (ended: Ended) => void,
    ended: (value: Answers[Kind]) => Ended,
  ): void {
    const { network, cluster, agentOf } = this.#options;
    const target = agentOf(work.host);
    network.call<Answer>({
      from: this,
      to: () => target,
      callee: work.host,
      deadlineMs: callDeadlineMs[work.kind],
      serve: (answer) => target?.serve(memberOf(cluster), of, answer),
      done: (answer) => {
        if (answer === undefined) return done(failed);
        if ('fault' in answer) return done({ kind: 'failed', fault: answer.fault });
        return done(ended(answer.value as Answers[Kind]));
      },
    });
  }

  /** How old the advert was that this decision was made by. */
  #measured({ host, request }: WorkOf<'reserve'>): (granted: number) => void {
    const { onReserved, time, gossip, neighbourhood } = this.#options;
    if (onReserved === undefined) return () => {};
    const decidedBy = neighbourhood.neighbour(host)?.advert;
    const saidAt = decidedBy && gossip.saidAt(decidedBy);
    const stalenessMs = time.now - (saidAt ?? time.now);
    return (granted) => onReserved({ asked: request.count, granted, stalenessMs });
  }

  #readGuests(watch: number, host: ClusterName): void {
    const { network, time, cluster, epoch, agentOf } = this.#options;
    const target = agentOf(host);
    let feed: GuestFeed | undefined;
    let open = true;
    const end = (): void => {
      open = false;
      this.#closers.delete(watch);
      if (feed !== undefined) target?.closeFeed(feed);
    };
    this.#closers.set(watch, end);
    const broken = (): void => {
      if (!open) return;
      end();
      this.feed({ kind: 'guestsClosed', watch });
    };
    const send = network.stream(host, cluster, broken);
    const read = (update: GuestUpdate): void => {
      if (open) this.feed({ kind: 'guest', watch, update });
    };
    network.cast(cluster, host, () => {
      if (!open || !target?.alive()) return;
      try {
        feed = target.openFeed(memberOf(cluster), epoch);
      } catch (error) {
        if (!isFault(error) || error.code === 'Internal') throw error;
        return send(broken);
      }
      const opened = feed;
      const drain = (): void => {
        for (let update = opened.next(); update !== undefined; update = opened.next()) {
          const each = update;
          send(() => read(each));
        }
      };
      opened.onReady = drain;
      drain();
    });
    const watchHost = (): void => {
      if (!open || !this.alive()) return;
      if (target?.alive()) time.after(goneNoticedMs, watchHost);
      else broken();
    };
    time.after(goneNoticedMs, watchHost);
  }
}
