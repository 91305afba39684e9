/** How long a cluster had no active agent: from the Lease alone, as anybody can read it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '@spillway/testbed';
import { agentNamespace } from './installation.ts';

const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${agentNamespace}/leases/spillway-agent`;
const epochAnnotation = 'spillway.dev/epoch';
const sampleMs = 25;

interface Lease {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly holderIdentity?: string };
}

interface Sample {
  readonly atMs: number;
  readonly epoch: number;
  readonly holder: string;
}

export class AgentGaps {
  readonly #cluster: Cluster;
  readonly #samples: Sample[] = [];
  readonly #stopping = new AbortController();
  readonly #sampling: Promise<void>;

  /** Begins to look. */
  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#sampling = this.#sample();
  }

  get epoch(): number {
    return this.#samples.at(-1)?.epoch ?? 0;
  }

  /**
   * Time from `atMs` (`performance.now()`), when the active agent was taken away, until another epoch was
   * written (ms). It is an upper bound, since the old agent may have gone on for a moment. Undefined: not
   * yet.
   */
  untilNext(atMs: number, epochBefore: number): number | undefined {
    const next = this.#samples.find((sample) => sample.atMs > atMs && sample.epoch > epochBefore);
    return next && next.atMs - atMs;
  }

  /** Time since `atMs` for which nobody held the Lease, ms; one that died holding it is not seen. */
  unheldMs(atMs: number): number {
    const samples = this.#samples.filter((sample) => sample.atMs >= atMs);
    return samples.reduce((sum, { holder, atMs: since }, i) => {
      const next = samples[i + 1];
      return holder === '' && next !== undefined ? sum + next.atMs - since : sum;
    }, 0);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sampling;
  }

  async #sample(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const { metadata, spec } = await this.#cluster.client.get<Lease>(leasePath);
        const epoch = Number(metadata.annotations?.[epochAnnotation] ?? 0);
        this.#samples.push({ atMs: performance.now(), epoch, holder: spec.holderIdentity ?? '' });
      } catch {
        // An API server that is away says nothing of its Lease; the next answer does.
      }
      await sleep(sampleMs, undefined, { signal }).catch(() => {});
    }
  }
}
