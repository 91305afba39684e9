import { randomUUID } from 'node:crypto';
import { type Clock, randomStream, type WallMs } from '@spillway/core';
import { waitFor } from '@spillway/testbed';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { LeaseElector } from './lease-elector.ts';
import { type AgentCluster, startAgentCluster, systemClock } from './testing/agent-cluster.ts';
import { BadRoad } from './testing/bad-road.ts';

const durationMs = 2_000;
const renewMs = 1_200;
const retryMs = 200;

/** The only one that the shipped rights name. */
const path = '/apis/coordination.k8s.io/v1/namespaces/spillway-system/leases/spillway-agent';

let agent: AgentCluster;
const candidates: Candidate[] = [];

beforeAll(async () => {
  agent = await startAgentCluster();
});

afterAll(async () => await agent.stop());

afterEach(async () => {
  for (const each of candidates.splice(0)) await each.end();
  await agent.cluster.client.call('DELETE', path);
});

/** One agent that would be active; what it was told, and when. */
class Candidate {
  readonly epochs: number[] = [];
  readonly problems: unknown[] = [];
  active: { from: number; to: number } | undefined;
  lost: string | undefined;
  readonly elector: LeaseElector;
  readonly #api: ApiClient;

  constructor(
    options: {
      readonly kubeconfig?: string;
      readonly skewMs?: number;
      readonly instance?: string;
    } = {},
  ) {
    this.#api = new ApiClient({ kubeconfig: options.kubeconfig ?? agent.kubeconfig });
    const clock: Clock = {
      ...systemClock,
      wallMs: () => (systemClock.wallMs() + (options.skewMs ?? 0)) as WallMs,
    };
    this.elector = new LeaseElector({
      api: this.#api,
      clock,
      random: randomStream(candidates.length, 'lease'),
      namespace: 'spillway-system',
      name: 'spillway-agent',
      instance: options.instance ?? randomUUID(),
      durationMs,
      renewMs,
      retryMs,
      onActive: (epoch) => {
        this.epochs.push(epoch);
        this.active = { from: performance.now(), to: Number.POSITIVE_INFINITY };
      },
      onLost: (reason) => {
        this.lost = reason;
        if (this.active !== undefined) this.active.to = performance.now();
      },
      onProblem: (error) => this.problems.push(error),
    });
    candidates.push(this);
    this.elector.start();
  }

  async end(): Promise<void> {
    if (this.active?.to === Number.POSITIVE_INFINITY) this.active.to = performance.now();
    await this.elector.stop();
    this.#api.close();
  }
}

async function becomesActive(candidate: Candidate, timeoutMs = 10_000): Promise<number> {
  return await waitFor('it is active', () => candidate.epochs[0], { timeoutMs, everyMs: 10 });
}

function neverTwo(...both: readonly Candidate[]): void {
  const spans = both.flatMap(({ active }) => active ?? []).toSorted((a, b) => a.from - b.from);
  for (const [i, span] of spans.entries()) {
    expect(spans[i + 1]?.from ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(span.to);
  }
}

async function holder(): Promise<string | undefined> {
  const { spec } = await agent.cluster.client.get<{ spec: { holderIdentity?: string } }>(path);
  return spec.holderIdentity;
}

describe('LeaseElector', () => {
  test('of two at once one is active, and stays so', async () => {
    const both = [new Candidate(), new Candidate()];
    await waitFor('one is active', () => both.find(({ active }) => active), { timeoutMs: 5_000 });
    const first = await holder();
    // Three times the Lease's duration.
    const ends = performance.now() + 3 * durationMs;
    await waitFor('time passes', () => performance.now() > ends || undefined, {
      timeoutMs: 4 * durationMs,
    });
    expect(both.filter(({ active }) => active)).toHaveLength(1);
    expect(both.every(({ lost }) => lost === undefined)).toBe(true);
    expect(await holder()).toBe(first);
  });

  test('a standby takes over within the Lease’s time after a kill, with a greater epoch', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const first = new Candidate({ kubeconfig: road.kubeconfig });
    const epoch = await becomesActive(first);
    const standby = new Candidate();
    // From now on nothing that it does reaches the API server.
    road.cut();
    const cut = performance.now();
    expect(await becomesActive(standby)).toBeGreaterThan(epoch);
    // The Lease's duration since the last renewal, two tries of 200 ms ± 20 %, and the calls.
    expect(performance.now() - cut).toBeLessThan(durationMs + 1_000);
    neverTwo(first, standby);
    await road.stop();
  });

  test('a Lease that was given back is taken at once', async () => {
    const first = new Candidate();
    const epoch = await becomesActive(first);
    const standby = new Candidate();
    await first.end();
    const given = performance.now();
    expect(await becomesActive(standby)).toBeGreaterThan(epoch);
    expect(performance.now() - given).toBeLessThan(durationMs / 2);
    neverTwo(first, standby);
  });

  test('a Lease that was given back is taken long before it would have been read again', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const first = new Candidate();
    await becomesActive(first);
    const standby = new Candidate({ kubeconfig: road.kubeconfig });
    const reads = (): number =>
      road.asked.filter(({ method, path }) => method === 'GET' && !path.includes('watch=1')).length;
    const ends = performance.now() + 2 * durationMs;
    await waitFor('time passes', () => performance.now() > ends || undefined, {
      timeoutMs: 3 * durationMs,
    });
    // Once at first, and then when it could have run out: not at every try.
    expect(reads()).toBeLessThan((2 * durationMs) / retryMs / 2);
    await first.end();
    const given = performance.now();
    await becomesActive(standby);
    expect(performance.now() - given).toBeLessThan(durationMs / 2);
    neverTwo(first, standby);
    await standby.end();
    await road.stop();
  });

  test('a standby that may not watch still takes over', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    road.mishap = ({ path }) =>
      path.includes('watch=1') ? { kind: 'answer', status: 403, body: '' } : undefined;
    const first = new Candidate();
    await becomesActive(first);
    const standby = new Candidate({ kubeconfig: road.kubeconfig });
    await waitFor('it has asked', () => road.asked.length > 3 || undefined, { timeoutMs: 5_000 });
    await first.end();
    const given = performance.now();
    await becomesActive(standby);
    expect(performance.now() - given).toBeLessThan(durationMs / 2);
    await standby.end();
    await road.stop();
  });

  test('one that is stopped while it takes the Lease leaves nothing held', async () => {
    const early = new Candidate();
    await early.end();
    expect(early.epochs).toEqual([]);
    const next = new Candidate();
    const started = performance.now();
    await becomesActive(next);
    expect(performance.now() - started).toBeLessThan(durationMs / 2);
  });

  test('one whose server hangs steps down before another may begin', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const first = new Candidate({ kubeconfig: road.kubeconfig });
    await becomesActive(first);
    const standby = new Candidate();
    // Answers come, but far too late: no call of its own fails in time.
    road.mishap = () => ({ kind: 'delay', ms: 8_000 });
    await becomesActive(standby);
    expect(first.lost).toBe('the Lease could not be renewed in time');
    neverTwo(first, standby);
    await road.stop();
  });

  test('the same instance takes its own Lease back at once after a crash, and only the same', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const first = new Candidate({ kubeconfig: road.kubeconfig, instance: 'agent-1' });
    const epoch = await becomesActive(first);
    road.cut();
    const cut = performance.now();
    const other = new Candidate({ instance: 'agent-10' });
    const again = new Candidate({ instance: 'agent-1' });
    expect(await becomesActive(again)).toBeGreaterThan(epoch);
    expect(performance.now() - cut).toBeLessThan(durationMs / 2);
    expect(other.epochs).toEqual([]);
    await road.stop();
  });

  test('short failures change nothing', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const first = new Candidate({ kubeconfig: road.kubeconfig });
    const epoch = await becomesActive(first);
    const asked = road.asked.length;
    let failures = 3;
    road.mishap = () => (failures-- > 0 ? { kind: 'answer', status: 500, body: '' } : undefined);
    await waitFor('it has renewed since', () => road.asked.length > asked + 6 || undefined, {
      timeoutMs: 5_000,
    });
    expect(first.problems).toHaveLength(3);
    expect(first.lost).toBeUndefined();
    expect(first.epochs).toEqual([epoch]);
    await first.end();
    await road.stop();
  });

  test('clocks that are wrong by an hour neither give it away nor lower the epoch', async () => {
    const fast = new Candidate({ skewMs: 3_600_000 });
    const epoch = await becomesActive(fast);
    const slow = new Candidate({ skewMs: -3_600_000 });
    const ends = performance.now() + 2 * durationMs;
    await waitFor('time passes', () => performance.now() > ends || undefined, {
      timeoutMs: 3 * durationMs,
    });
    expect(slow.epochs).toEqual([]);
    await fast.end();
    // An hour behind, and still greater.
    expect(await becomesActive(slow)).toBe(epoch + 1);
    neverTwo(fast, slow);
  });

  test('a Lease deleted or taken by hand ends the active one', async () => {
    const first = new Candidate();
    const epoch = await becomesActive(first);
    await agent.cluster.client.call('DELETE', path);
    await waitFor('it has stepped down', () => first.lost, { timeoutMs: 3_000 });
    expect(first.lost).toContain('nobody holds the Lease');
    // The second in which the epoch was taken from the clock is over.
    await waitFor('a second', () => Date.now() / 1000 > epoch + 1 || undefined, {
      timeoutMs: 3_000,
    });
    const next = new Candidate();
    expect(await becomesActive(next)).toBeGreaterThan(epoch);
  });
});
