/**
 * One active agent per cluster, by a Lease, after client-go's leader election. A Lease that has not changed
 * for its duration is free. This is measured by our own monotonic clock, and never by comparing two clocks.
 *
 * Unlike client-go, the agents that wait watch the Lease. One that is given back is taken at once, even if
 * it is read rarely. And a DaemonSet of a thousand nodes does not read it five hundred times a second.
 *
 * The epoch grows with every agent that becomes active, also across a deleted Lease: a fencing token.
 */
import { randomUUID } from 'node:crypto';
import { type Clock, isFault, jittered, type MonotonicMs, type Random } from '@spillway/core';
import type { ApiClient } from './api-client.ts';
import { LeaseWatch } from './lease-watch.ts';
import { microTime } from './node-lease.ts';

export interface LeaseElectorOptions {
  readonly api: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  readonly name: string;
  /**
   * Which of the cluster's agents this is, such as the name of its pod. Only one process of this name may
   * live: a Lease that an earlier life of the same instance holds is free at once. Empty: no instance.
   */
  readonly instance: string;
  readonly durationMs: number;
  /** How long the agent stays active without a renewal (ms). */
  readonly renewMs: number;
  readonly retryMs: number;
  readonly onActive: (epoch: number) => void;
  readonly onLost: (reason: string) => void;
  readonly onProblem: (error: unknown) => void;
}

interface Lease {
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseTransitions?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

const epochAnnotation = 'spillway.dev/epoch';
const callMsMax = 5_000;
/** All who wait learn at once that the Lease is free; most see that it is taken before they have tried. */
const herdMs = 30;

export class LeaseElector {
  readonly #options: LeaseElectorOptions;
  readonly #identity: string;
  readonly #watch: LeaseWatch<Lease>;
  #timer: NodeJS.Timeout | undefined;
  /** Fires when the Lease has not been renewed in time, whatever call is still under way. */
  #stepDown: NodeJS.Timeout | undefined;
  #turning: Promise<void> = Promise.resolve();
  #stopped = false;
  #epoch: number | undefined;
  #looked = false;
  /** The watch told that nobody holds it; not yet tried since. */
  #freed = false;
  #observed: { readonly version: string; readonly at: MonotonicMs } | undefined;

  constructor(options: LeaseElectorOptions) {
    this.#options = options;
    this.#identity = `${options.instance}_${randomUUID()}`;
    this.#watch = new LeaseWatch({ ...options, onLease: (lease) => this.#seen(lease) });
  }

  start(): void {
    this.#watch.start();
    this.#turning = this.#turn();
  }

  /** The Lease has been read, or could be taken: this agent is active, or stands by. */
  get hasLooked(): boolean {
    return this.#looked;
  }

  get active(): boolean {
    return this.#epoch !== undefined;
  }

  /**
   * Gives the Lease back, so that a standby takes over at once. Lasts as long as a call does at most.
   * Without `giveBack` the Lease runs out by itself: for an agent whose writes may still be under way.
   */
  async stop({ giveBack = true }: { readonly giveBack?: boolean } = {}): Promise<void> {
    this.#end();
    if (!giveBack) return;
    // A write under way may still win the Lease: it is given back too.
    await this.#turning;
    try {
      const lease = await this.#read();
      if (lease?.spec.holderIdentity === this.#identity) {
        await this.#write({ ...lease, spec: { ...lease.spec, holderIdentity: '' } });
      }
    } catch (error) {
      this.#options.onProblem(error);
    }
  }

  async #turn(): Promise<void> {
    const { clock, onProblem, random, retryMs } = this.#options;
    this.#freed = false;
    try {
      await this.#tryOnce(clock.monotonicMs());
    } catch (error) {
      // A conflict is another agent being quicker.
      if (!isFault(error, 'Conflict')) onProblem(error);
    }
    if (this.#stopped) return;
    const nextMs = jittered(random, retryMs, 0.2);
    this.#next(this.#freed ? herdMs * random.unit() : Math.max(nextMs, this.#untilFreeMs()));
  }

  #next(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#turning = this.#turn();
    }, delayMs);
  }

  /** What the watch tells of the Lease; undefined when it was deleted. */
  #seen(lease: Lease | undefined): void {
    if (this.#stopped || this.#epoch !== undefined) return;
    const { random } = this.#options;
    this.#freed = !lease?.spec.holderIdentity;
    if (lease !== undefined && !this.#freed) this.#observe(lease);
    // A turn under way may have read what was before: it looks again at its end.
    if (this.#timer === undefined) return;
    this.#next(this.#freed ? herdMs * random.unit() : this.#untilFreeMs());
  }

  /** While the Lease is watched, there is nothing to do before it can have run out. */
  #untilFreeMs(): number {
    const { clock, durationMs } = this.#options;
    if (this.#epoch !== undefined || !this.#watch.live || this.#observed === undefined) return 0;
    return Math.max(0, this.#observed.at + durationMs - clock.monotonicMs());
  }

  /** @returns for how long it has been as it is, in ms. */
  #observe(lease: Lease): number {
    const version = lease.metadata.resourceVersion ?? '';
    // Counted from after the read: the holder may have renewed while it was under way.
    const now = this.#options.clock.monotonicMs();
    if (this.#observed?.version !== version) this.#observed = { version, at: now };
    return now - this.#observed.at;
  }

  async #tryOnce(now: MonotonicMs): Promise<void> {
    const { clock, durationMs, onActive } = this.#options;
    const lease = await this.#read();
    const holder = lease?.spec.holderIdentity ?? '';
    if (this.#stopped) return;
    this.#looked = true;
    if (this.#epoch !== undefined) {
      if (holder !== this.#identity) return this.#lose(`${holder || 'nobody'} holds the Lease now`);
      await this.#hold(lease, this.#epoch);
      this.#renewed(now);
      return;
    }
    if (lease !== undefined && holder !== '' && !this.#isEarlierLife(holder)) {
      if (this.#observe(lease) < durationMs) return;
    }
    this.#observed = undefined;
    const written = Number(lease?.metadata.annotations?.[epochAnnotation]);
    const before = Number.isSafeInteger(written) ? written : 0;
    const epoch = Math.max(before + 1, Math.floor(clock.wallMs() / 1000));
    await this.#hold(lease, epoch);
    if (this.#stopped) return;
    this.#epoch = epoch;
    this.#watch.stop();
    this.#renewed(now);
    onActive(epoch);
  }

  /** Counted from before the Lease was read: others can't have seen the renewal earlier. */
  #renewed(at: MonotonicMs): void {
    if (this.#stopped) return;
    const { clock, renewMs } = this.#options;
    clearTimeout(this.#stepDown);
    this.#stepDown = setTimeout(
      () => this.#lose('the Lease could not be renewed in time'),
      Math.max(0, at + renewMs - clock.monotonicMs()),
    );
  }

  async #hold(lease: Lease | undefined, epoch: number): Promise<void> {
    const { durationMs, clock } = this.#options;
    const identity = this.#identity;
    const now = microTime(new Date(clock.wallMs()));
    const same = lease?.spec.holderIdentity === identity;
    await this.#write({
      metadata: {
        ...lease?.metadata,
        annotations: { ...lease?.metadata.annotations, [epochAnnotation]: String(epoch) },
      },
      spec: {
        ...lease?.spec,
        holderIdentity: identity,
        leaseTransitions: (lease?.spec.leaseTransitions ?? 0) + (same ? 0 : 1),
        leaseDurationSeconds: Math.ceil(durationMs / 1000),
        renewTime: now,
        acquireTime: same ? (lease?.spec.acquireTime ?? now) : now,
      },
    });
  }

  #isEarlierLife(holder: string): boolean {
    const { instance } = this.#options;
    return instance !== '' && holder.startsWith(`${instance}_`);
  }

  #lose(reason: string): void {
    if (this.#stopped) return;
    this.#end();
    this.#options.onLost(reason);
  }

  #end(): void {
    this.#stopped = true;
    this.#epoch = undefined;
    this.#watch.stop();
    clearTimeout(this.#timer);
    clearTimeout(this.#stepDown);
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return await this.#options.api.call<Lease>({
        method: 'GET',
        path: this.#path,
        deadlineMs: callMsMax,
      });
    } catch (error) {
      if (isFault(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Optimistic: refused when the Lease has changed since it was read. */
  async #write(lease: Lease): Promise<void> {
    const { namespace, name } = this.#options;
    const fresh = lease.metadata.resourceVersion === undefined;
    await this.#api({
      method: fresh ? 'POST' : 'PUT',
      path: fresh ? this.#path.slice(0, this.#path.lastIndexOf('/')) : this.#path,
      body: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        ...lease,
        metadata: { ...lease.metadata, namespace, name },
      },
    });
  }

  async #api(call: { method: 'POST' | 'PUT'; path: string; body: unknown }): Promise<void> {
    await this.#options.api.call({ ...call, deadlineMs: callMsMax });
  }

  get #path(): string {
    const { namespace, name } = this.#options;
    return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
  }
}
