/**
 * Whether an agent is active, by its Lease. No clocks are compared: a Lease that nobody renews for longer
 * than it lasts, by this machine's own clock, has no living holder.
 */
import { isFault } from '@spillway/core';
import type { ApiClient } from '@spillway/kubernetes';
import { leaseName } from '../connection/find-agent.ts';

interface Lease {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

/** Another agent needs a moment to take over after the Lease has run out. */
const takeOverMs = 5_000;
const durationSecondsDefault = 15;

export class AgentPulse {
  readonly #api: ApiClient;
  readonly #path: string;
  #last: string | undefined;
  #renewedAtMs = 0;

  constructor(api: ApiClient, namespace: string) {
    this.#api = api;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName}`;
  }

  /** Call again and again. `unknown`: it has been looked at for too short a time. */
  async look(nowMs: number): Promise<'alive' | 'dead' | 'unknown'> {
    const spec = await this.#read();
    if (spec === undefined) return 'dead';
    const { holderIdentity = '', renewTime = '', leaseDurationSeconds } = spec;
    const seen = `${holderIdentity} ${renewTime}`;
    const isFirst = this.#last === undefined;
    const isRenewed = holderIdentity !== '' && !isFirst && seen !== this.#last;
    if (seen !== this.#last) this.#renewedAtMs = nowMs;
    this.#last = seen;
    if (isRenewed) return 'alive';
    const patienceMs = (leaseDurationSeconds ?? durationSecondsDefault) * 1000 + takeOverMs;
    return nowMs - this.#renewedAtMs > patienceMs ? 'dead' : 'unknown';
  }

  async #read(): Promise<Lease['spec']> {
    try {
      const { spec = {} } = await this.#api.call<Lease>({ method: 'GET', path: this.#path });
      return spec;
    } catch (error) {
      if (isFault(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}
