/** Opens and reopens guest streams as packages/agent/src/guest-streams.ts does. */
import { type ClusterName, jittered, type Random } from '@spillway/core';
import { type GuestUpdate, type HomeEvent, type Host } from '@spillway/federation';
import { memberOf, type ModelNetwork } from '../network/network.ts';
import type { VirtualTime } from '../virtual-time.ts';

const reopenMsMin = 250;
const reopenMsMax = 15_000;
const openDeadlineMs = 5_000;

export interface GuestFeed {
  readonly home: ClusterName;
  push(update: GuestUpdate): void;
}

/** An agent, as far as streams go. */
interface StreamEnd {
  readonly cluster: ClusterName;
  readonly epoch: number;
  readonly synced: boolean;
  readonly host: Host;
  readonly feeds: Set<GuestFeed>;
  alive(): boolean;
  feedHome(event: HomeEvent): void;
}

export interface ModelGuestStreamsOptions {
  readonly agent: StreamEnd;
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  readonly agentOf: (cluster: ClusterName) => StreamEnd | undefined;
  readonly random: Random;
}

export class ModelGuestStreams {
  readonly #options: ModelGuestStreamsOptions;
  readonly #open = new Set<ClusterName>();
  readonly #lookedThrough = new Set<ClusterName>();
  #wanted: ReadonlySet<ClusterName> = new Set();

  constructor(options: ModelGuestStreamsOptions) {
    this.#options = options;
  }

  keep(hosts: ReadonlySet<ClusterName>, reachable: readonly ClusterName[]): void {
    this.#wanted = hosts;
    for (const host of [...hosts, ...reachable]) {
      if (this.#open.has(host)) continue;
      if (!hosts.has(host) && this.#lookedThrough.has(host)) continue;
      this.#open.add(host);
      this.#run(host, reopenMsMin);
    }
  }

  #run(host: ClusterName, reopenMs: number): void {
    const { agent, time, network, agentOf, random } = this.#options;
    if (!agent.alive()) return;
    let reading = true;
    let synced = false;
    const target = agentOf(host);
    const closed = (): void => {
      if (!reading || !agent.alive()) return;
      reading = false;
      if (target !== undefined) target.feeds.delete(feed);
      agent.feedHome({ kind: 'stream', host, state: 'closed' });
      if (!this.#wanted.has(host)) return void this.#open.delete(host);
      const pauseMs = synced ? reopenMsMin : reopenMs;
      time.after(jittered(random, pauseMs, 0.25), () =>
        this.#run(host, Math.min(pauseMs * 2, reopenMsMax)),
      );
    };
    const send = network.stream(host, agent.cluster, closed);
    const read = (update: GuestUpdate): void => {
      if (!reading || !agent.alive()) return;
      agent.feedHome({ kind: 'guest', host, update });
      if (update.kind !== 'synced') return;
      synced = true;
      this.#lookedThrough.add(host);
      if (!this.#wanted.has(host)) closed();
    };
    const feed: GuestFeed = {
      home: agent.cluster,
      push: (update: GuestUpdate) => send(() => read(update)),
    };
    agent.feedHome({ kind: 'stream', host, state: 'opening' });
    // A host that dies takes the stream with it; its end is noticed by and by.
    const watchHost = (): void => {
      if (!reading) return;
      if (target?.alive()) time.after(1_000, watchHost);
      else closed();
    };
    network.cast(agent.cluster, host, () => {
      if (!target?.alive() || !target.synced) return;
      try {
        for (const update of target.host.picture(memberOf(agent.cluster), agent.epoch)) {
          feed.push(update);
        }
      } catch {
        return;
      }
      target.feeds.add(feed);
    });
    time.after(openDeadlineMs, () => {
      if (!synced) closed();
      else watchHost();
    });
  }
}
