/**
 * The lives of each cluster's agent: at most one is active, and where none is, the next is on its way. A
 * Lease passes on only after the writes of a former holder have come to an end; see docs/adr/0008.
 */
import type { Random } from '@spillway/core';
import type { ModelAgent } from '../agent/agent.ts';
import { lateWriteMsMax } from '../agent/writes.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { FaultsInForce } from './in-force.ts';
import type { ModelCluster } from './model-world.ts';

const takeoverMsMin = lateWriteMsMax + 500;
const takeoverMsMax = 8_000;
/** A process that has ended is started again, as the instance that it was: its Lease is free at once. */
const restartMsMin = 500;
const restartMsMax = 3_000;
/** A standby watches the Lease. */
const handOverMsMax = 50;
/** As packages/agent/src/agent.ts: a stopping agent waits so long for its writes, else its Lease runs out. */
const drainMsMax = 15_000;

export interface AgentLivesOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly inForce: FaultsInForce;
  readonly begin: (cluster: ModelCluster) => ModelAgent;
}

export class AgentLives {
  readonly #options: AgentLivesOptions;

  constructor(options: AgentLivesOptions) {
    this.#options = options;
  }

  /** Of a cluster that has none. */
  start(cluster: ModelCluster): void {
    cluster.epoch += 1;
    cluster.agent = this.#options.begin(cluster);
  }

  /** Its process is killed; its Lease must pass on. */
  crash(cluster: ModelCluster): void {
    const takeoverMs = takeoverMsMin + this.#options.random.below(takeoverMsMax);
    this.#end(cluster, 'crash', takeoverMs);
  }

  /** It could not renew its Lease: the process ends, and is started again. */
  stepDown(cluster: ModelCluster, why: FaultKind): void {
    const { random } = this.#options;
    this.#end(cluster, why, restartMsMin + random.below(restartMsMax));
  }

  /** @returns whether there was one that could stop. */
  handOver(cluster: ModelCluster): boolean {
    const { time, random, inForce } = this.#options;
    const { agent } = cluster;
    if (agent === undefined) return false;
    const over = inForce.begin('hand-over', [cluster.name]);
    const next = (pauseMs: number): void => {
      if (cluster.agent !== agent) return over();
      agent.crash();
      cluster.agent = undefined;
      this.#startAfter(cluster, pauseMs, over);
    };
    const handOverMs = random.below(handOverMsMax);
    const runOutMs = takeoverMsMin + takeoverMsMax;
    agent.stop((settled) => next(settled ? handOverMs : runOutMs));
    time.after(drainMsMax, () => next(runOutMs));
    return true;
  }

  #end(cluster: ModelCluster, why: FaultKind, pauseMs: number): void {
    if (cluster.agent === undefined) return;
    cluster.agent.crash();
    cluster.agent = undefined;
    this.#startAfter(cluster, pauseMs, this.#options.inForce.begin(why, [cluster.name]));
  }

  #startAfter(cluster: ModelCluster, pauseMs: number, over: () => void): void {
    this.#options.time.after(pauseMs, () => {
      cluster.api.whenUp(() => {
        this.start(cluster);
        over();
      });
    });
  }
}
