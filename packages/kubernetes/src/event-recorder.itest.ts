import { type Clock, type MonotonicMs, type PodUid, type WallMs } from '@spillway/core';
import type { PodRef } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { EventRecorder } from './event-recorder.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { BadRoad } from './testing/bad-road.ts';

let agent: AgentCluster;
let recorder: EventRecorder;
/** Both clocks at once; moved by hand. */
let nowMs = 1_000_000;
const clock: Clock = {
  monotonicMs: () => nowMs as MonotonicMs,
  wallMs: () => (Date.parse('2026-01-01T00:00:00Z') + nowMs) as WallMs,
};

interface KubernetesEvent {
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid: string };
}

beforeAll(async () => {
  agent = await startAgentCluster();
});

afterAll(async () => await agent.stop());

afterEach(() => recorder.stop());

function start(api = agent.api): void {
  recorder = new EventRecorder({ api, clock, component: 'spillway' });
  recorder.start();
}

function ref(name: string): PodRef {
  return { namespace: 'default', name, uid: `uid-of-${name}` as PodUid };
}

function record(name: string, message: string, warning = false): void {
  recorder.record({ ref: ref(name), reason: 'FailedScheduling', message, warning });
}

async function eventsOf(name: string): Promise<readonly KubernetesEvent[]> {
  const path = `/api/v1/namespaces/default/events?fieldSelector=involvedObject.uid=uid-of-${name}`;
  return (await agent.cluster.client.get<{ items: KubernetesEvent[] }>(path)).items;
}

async function eventWith(name: string, part: Partial<KubernetesEvent>): Promise<KubernetesEvent> {
  return await waitFor(
    `an event with ${JSON.stringify(part)}`,
    async () => {
      const [event, ...others] = await eventsOf(name);
      expect(others).toEqual([]);
      expect(event).toMatchObject(part);
      return event;
    },
    { timeoutMs: 5_000, everyMs: 50 },
  );
}

describe('EventRecorder', () => {
  test('writes what kubectl describe shows', async () => {
    start();
    record('a', 'no room', true);
    expect(await eventWith('a', { message: 'no room' })).toMatchObject({
      reason: 'FailedScheduling',
      type: 'Warning',
      count: 1,
      involvedObject: { kind: 'Pod', name: 'a', uid: 'uid-of-a' },
      // 1,000 s after the start of the year.
      firstTimestamp: '2026-01-01T00:16:40Z',
    });
  });

  test('counts what is said again on the same event, and keeps the latest words', async () => {
    start();
    const first = clock.wallMs();
    record('b', 'no room at lyon');
    await eventWith('b', { count: 1 });
    for (let i = 0; i < 5; i++) record('b', 'no room at rome');
    // New words, but too early.
    expect(await eventsOf('b')).toMatchObject([{ count: 1, message: 'no room at lyon' }]);
    nowMs += 10_000;
    const event = await eventWith('b', { count: 6, message: 'no room at rome' });
    expect(Date.parse(event.firstTimestamp)).toBe(first - (first % 1_000));
    // The same words: counted, and written when five minutes have passed.
    nowMs += 60_000;
    record('b', 'no room at rome');
    nowMs += 240_000;
    record('b', 'no room at rome');
    await eventWith('b', { count: 8 });
  });

  test('makes an event again that has expired', async () => {
    start();
    record('c', 'one');
    await eventWith('c', { message: 'one' });
    const path = '/api/v1/namespaces/default/events?fieldSelector=involvedObject.uid=uid-of-c';
    await agent.cluster.client.call('DELETE', path);
    nowMs += 10_000;
    record('c', 'two');
    await eventWith('c', { message: 'two', count: 2 });
  });

  test('a name of any length that a pod can have', async () => {
    start();
    // 199 letters and a dash, where it is cut.
    const name = `${'x'.repeat(199)}-${'y'.repeat(50)}`;
    record(name, 'long');
    await eventWith(name, { message: 'long' });
  });

  test('a crowd is written at a bounded rate, in a bounded queue, and the rest is counted', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const api = new ApiClient({ kubeconfig: road.kubeconfig });
    start(api);
    for (let i = 0; i < 3_000; i++) record(`crowd-${i}`, 'no room');
    // 8 are under way at once, 2,000 wait.
    expect(recorder.dropped).toBe(3_000 - 2_000 - 8);
    await waitFor('some are written', () => road.asked.length > 60 || undefined, {
      timeoutMs: 10_000,
    });
    const [first] = road.asked;
    const inFirstSecond = road.asked.filter(({ atMs }) => atMs < (first?.atMs ?? 0) + 900);
    expect(inFirstSecond.length).toBeLessThanOrEqual(100);
    recorder.stop();
    api.close();
    await road.stop();
  });

  test('a server that refuses costs an event, never the agent', async () => {
    const road = await BadRoad.start(agent.cluster, agent.kubeconfig);
    const api = new ApiClient({ kubeconfig: road.kubeconfig });
    start(api);
    road.mishap = () => ({ kind: 'answer', status: 500, body: '' });
    record('d', 'one');
    await waitFor('it was refused', () => recorder.dropped || undefined, { timeoutMs: 5_000 });
    road.mishap = () => undefined;
    nowMs += 10_000;
    record('d', 'one');
    await eventWith('d', { message: 'one', count: 2 });
    api.close();
    await road.stop();
  });
});
