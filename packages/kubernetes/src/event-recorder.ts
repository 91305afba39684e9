/**
 * Kubernetes events on pods and namespaces (core/v1), in a bounded queue behind the calls that matter. There
 * is one Event object for each pod and reason. A repeated event is counted on it, and its message is the
 * latest. It is written again only after some seconds. What does not fit is dropped and counted.
 */
import { type Clock, isFault, type MonotonicMs } from '@spillway/core';
import type { PodRef } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';

export interface PodEvent {
  /** Of an event on a namespace, which lies in that very namespace, `ref` names it twice. Default Pod. */
  readonly kind?: 'Pod' | 'Namespace';
  readonly ref: PodRef;
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
}

/** All that was said of one pod with one reason. */
interface Series {
  latest: PodEvent;
  count: number;
  readonly firstTime: string;
  lastTime: string;
  /** Of the Event object, once it exists. */
  name: string | undefined;
  written: { readonly message: string; readonly at: MonotonicMs } | undefined;
  queued: boolean;
}

const queueMax = 2_000;
const inFlightMax = 8;
/** Maximum of writes a second, so that a crowd of waiting pods leaves the API server its time. */
const perSecondMax = 25;
const messageMax = 1_024;
const generatedNameMax = 200;
/** A series' next write: at the earliest when the message is new, and when it is not. */
const gapMs = 10_000;
const repeatMs = 300_000;
const seriesMax = 10_000;

export class EventRecorder {
  readonly #api: ApiClient;
  readonly #clock: Clock;
  readonly #component: string;
  readonly #queue = new Set<Series>();
  /** Oldest first. */
  readonly #series = new Map<string, Series>();
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
    this.#queue.clear();
  }

  record(event: PodEvent): void {
    const key = `${event.ref.uid} ${event.reason}`;
    const time = this.#time();
    const series = this.#series.get(key) ?? newSeries(event, time);
    this.#series.delete(key);
    this.#series.set(key, series);
    if (this.#series.size > seriesMax) this.#forgetOldest();
    series.latest = event;
    series.count += 1;
    series.lastTime = time;
    if (series.queued) return;
    if (this.#queue.size >= queueMax) {
      this.#dropped += 1;
      return;
    }
    if (this.#dueAt(series) > this.#clock.monotonicMs() + gapMs) return;
    series.queued = true;
    this.#queue.add(series);
    this.#pump();
  }

  #pump(): void {
    const now = this.#clock.monotonicMs();
    for (const series of this.#queue) {
      if (this.#inFlight >= inFlightMax || this.#tokens <= 0) return;
      if (this.#dueAt(series) > now) continue;
      this.#queue.delete(series);
      series.queued = false;
      this.#inFlight += 1;
      this.#tokens -= 1;
      this.#write(series, now)
        .catch(() => {
          // Worth no retry of its own: the pod may be gone, or the server busy with better things.
          series.written = { message: '', at: now };
          this.#dropped += 1;
        })
        .finally(() => {
          this.#inFlight -= 1;
          this.#pump();
        });
    }
  }

  #dueAt({ written, latest }: Series): number {
    if (written === undefined) return 0;
    return written.at + (written.message === latest.message ? repeatMs : gapMs);
  }

  async #write(series: Series, now: MonotonicMs): Promise<void> {
    const { kind = 'Pod', ref, reason, message, warning } = series.latest;
    series.written = { message, at: now };
    const path = `/api/v1/namespaces/${ref.namespace}/events`;
    const said = {
      message: message.slice(0, messageMax),
      type: warning ? 'Warning' : 'Normal',
      lastTimestamp: series.lastTime,
      count: series.count,
    };
    if (series.name !== undefined) {
      try {
        await this.#api.call({
          method: 'PATCH',
          path: `${path}/${series.name}`,
          contentType: 'application/merge-patch+json',
          body: said,
        });
        return;
      } catch (error) {
        // Events live for an hour by default.
        if (!isFault(error, 'NotFound')) throw error;
      }
    }
    const made = await this.#api.call<{ metadata: { name: string } }>({
      method: 'POST',
      path,
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { generateName: generatedName(ref.name), namespace: ref.namespace },
        involvedObject: { apiVersion: 'v1', kind, ...ref },
        reason,
        ...said,
        source: { component: this.#component },
        reportingComponent: this.#component,
        firstTimestamp: series.firstTime,
      },
    });
    series.name = made.metadata.name;
  }

  #forgetOldest(): void {
    const [oldest] = this.#series.keys();
    if (oldest !== undefined) this.#series.delete(oldest);
  }

  #time(): string {
    return new Date(this.#clock.wallMs()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function newSeries(latest: PodEvent, firstTime: string): Series {
  const unwritten = { name: undefined, written: undefined, queued: false };
  return { latest, count: 0, firstTime, lastTime: firstTime, ...unwritten };
}

function generatedName(pod: string): string {
  return `${pod.slice(0, generatedNameMax).replace(/[-.]+$/, '')}.`;
}
