/**
 * Kubernetes events on pods (core/v1), in a bounded queue behind the calls that matter: equal ones
 * are counted and not written again, what does not fit is dropped and counted.
 */
import type { Clock, MonotonicMs } from '@spillway/core';
import type { PodRef } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';

export interface PodEvent {
  readonly ref: PodRef;
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
}

const queueMax = 2_000;
const inFlightMax = 8;
/** At most so many events a second, so that a crowd of waiting pods leaves the API server its time. */
const perSecondMax = 50;
const messageMax = 1_024;
/** An equal event is not written again for so long. */
const repeatMs = 300_000;
const rememberedMax = 10_000;

export class EventRecorder {
  readonly #api: ApiClient;
  readonly #clock: Clock;
  readonly #component: string;
  readonly #queue: PodEvent[] = [];
  readonly #remembered = new Map<string, MonotonicMs>();
  #inFlight = 0;
  #tokens = perSecondMax;
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(options: {
    readonly api: ApiClient;
    readonly clock: Clock;
    readonly component: string;
  }) {
    this.#api = options.api;
    this.#clock = options.clock;
    this.#component = options.component;
  }

  get dropped(): number {
    return this.#dropped;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#tokens = perSecondMax;
      this.#pump();
    }, 1_000);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#queue.length = 0;
  }

  record(event: PodEvent): void {
    const key = `${event.ref.uid} ${event.reason} ${event.message}`;
    const now = this.#clock.monotonicMs();
    const last = this.#remembered.get(key);
    if (last !== undefined && now - last < repeatMs) return;
    this.#remembered.delete(key);
    this.#remembered.set(key, now);
    if (this.#remembered.size > rememberedMax) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    if (this.#queue.length >= queueMax) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(event);
    this.#pump();
  }

  #pump(): void {
    while (this.#inFlight < inFlightMax && this.#tokens > 0) {
      const event = this.#queue.shift();
      if (event === undefined) return;
      this.#inFlight += 1;
      this.#tokens -= 1;
      this.#write(event)
        .catch(() => {
          // An event is worth no retry: its pod may be gone, or the server busy with better things.
          this.#dropped += 1;
        })
        .finally(() => {
          this.#inFlight -= 1;
          this.#pump();
        });
    }
  }

  async #write({ ref, reason, message, warning }: PodEvent): Promise<void> {
    const time = new Date(this.#clock.wallMs()).toISOString().replace(/\.\d+Z$/, 'Z');
    await this.#api.call({
      method: 'POST',
      path: `/api/v1/namespaces/${ref.namespace}/events`,
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { generateName: `${ref.name.slice(0, 200)}.`, namespace: ref.namespace },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', ...ref },
        reason,
        message: message.slice(0, messageMax),
        type: warning ? 'Warning' : 'Normal',
        source: { component: this.#component },
        reportingComponent: this.#component,
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      },
    });
  }
}
