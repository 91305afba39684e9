import { writeFileSync, readFileSync } from 'node:fs';
import { waitFor } from '@spillway/testbed';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from './api-client.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { BadRoad } from './testing/bad-road.ts';

let agent: AgentCluster;
let road: BadRoad;
let api: ApiClient;

beforeAll(async () => {
  agent = await startAgentCluster();
});

afterAll(async () => await agent.stop());

afterEach(async () => {
  api?.close();
  await road?.stop();
});

async function byBadRoad(): Promise<void> {
  road = await BadRoad.start(agent.cluster, agent.kubeconfig);
  api = new ApiClient({ kubeconfig: road.kubeconfig });
}

const nodes = { method: 'GET', path: '/api/v1/nodes' } as const;

describe('a missing right', () => {
  test('is named, with the namespace and what to do', async () => {
    const path = '/api/v1/namespaces/kube-system/secrets/token';
    const call = agent.api.call({ method: 'GET', path });
    await expect(call).rejects.toMatchObject({ code: 'PermissionDenied', status: 403 });
    const { message } = (await call.catch((error: unknown) => error)) as Error;
    expect(message).toContain(
      'system:serviceaccount:spillway-system:spillway-agent may not get secrets in namespace kube-system',
    );
    expect(message).toContain('Install the chart');
    expect(message).toContain(
      'kubectl auth can-i get secrets --namespace kube-system --as system:serviceaccount:spillway-system:spillway-agent',
    );
  });

  test('is named for the whole cluster, subresource and group too', async () => {
    const refused = async (method: 'GET' | 'PUT', path: string): Promise<string> => {
      const error: unknown = await agent.api
        .call({ method, path, body: {} })
        .catch((fault: unknown) => fault);
      return (error as Error).message;
    };
    expect(await refused('GET', '/apis/apps/v1/deployments')).toContain(
      'may not list deployments.apps in the whole cluster',
    );
    expect(await refused('PUT', '/api/v1/namespaces/x/pods/y/eviction')).toContain(
      'may not update pods/eviction in namespace x',
    );
  });
});

describe('ApiClient', () => {
  test('comes back when a busy server says so, within its deadline', async () => {
    await byBadRoad();
    const refusals = [429, 503];
    road.mishap = () => {
      const status = refusals.shift();
      return status === undefined
        ? undefined
        : { kind: 'answer', status, body: 'busy', headers: { 'retry-after': '1' } };
    };
    const started = performance.now();
    const { items } = await api.call<{ items: unknown[] }>(nodes);
    expect(items).toHaveLength(1);
    // Twice one second.
    expect(performance.now() - started).toBeGreaterThan(1_990);
    expect(road.asked).toHaveLength(3);
  });

  test('gives up after four tries, or when the deadline would pass', async () => {
    await byBadRoad();
    const busy = { kind: 'answer', status: 429, body: 'busy' } as const;
    road.mishap = () => ({ ...busy, headers: { 'retry-after': '0' } });
    await expect(api.call(nodes)).rejects.toMatchObject({ code: 'ResourceExhausted' });
    expect(road.asked).toHaveLength(4);
    road.mishap = () => ({ ...busy, headers: { 'retry-after': '3600' } });
    const late = api.call({ ...nodes, deadlineMs: 500 });
    await expect(late).rejects.toMatchObject({ code: 'ResourceExhausted' });
    expect(road.asked).toHaveLength(5);
  });

  test('leaves other failures to its caller, who knows what may be repeated', async () => {
    await byBadRoad();
    road.mishap = () => ({ kind: 'answer', status: 500, body: '<html>down</html>' });
    await expect(api.call(nodes)).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(api.call(nodes)).rejects.toThrow('<html>down</html>');
    expect(road.asked).toHaveLength(2);
  });

  test('an answer that is no JSON is a fault, not a crash', async () => {
    await byBadRoad();
    road.mishap = () => ({ kind: 'answer', status: 200, body: '<html>login</html>' });
    await expect(api.call(nodes)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test('waits for a slow server as long as its deadline, and no longer', async () => {
    await byBadRoad();
    road.mishap = () => ({ kind: 'delay', ms: 600 });
    const started = performance.now();
    const call = api.call({ ...nodes, deadlineMs: 200 });
    await expect(call).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    expect(performance.now() - started).toBeLessThan(550);
    await api.call({ ...nodes, deadlineMs: 5_000 });
  });

  test('a server that is not there is unavailable, and found again', async () => {
    await byBadRoad();
    await api.call(nodes);
    road.cut();
    await expect(api.call(nodes)).rejects.toMatchObject({ code: 'Unavailable' });
    road.heal();
    await api.call(nodes);
  });

  test('a silent watch ends by itself', async () => {
    await byBadRoad();
    const path = '/api/v1/nodes?watch=1&resourceVersion=0&fieldSelector=metadata.name=none';
    const lines: string[] = [];
    const watch = async (): Promise<void> => {
      const { signal } = new AbortController();
      for await (const line of api.lines(path, { idleMs: 300, signal })) lines.push(line);
    };
    await expect(watch()).rejects.toMatchObject({ code: 'Unavailable' });
    expect(lines).toEqual([]);
  });

  test('a watch that is told to stop stops at once', async () => {
    await byBadRoad();
    const stop = new AbortController();
    const seen: string[] = [];
    const watch = (async () => {
      const path = '/api/v1/nodes?watch=1&resourceVersion=0';
      for await (const line of api.lines(path, { idleMs: 60_000, signal: stop.signal })) {
        seen.push(line);
        stop.abort();
      }
    })();
    await expect(watch).rejects.toBeDefined();
    expect(seen.length).toBeGreaterThan(0);
  });

  test('credentials that are refused say whose they are, and new ones in the file are used', async () => {
    const good = readFileSync(agent.kubeconfig, 'utf8');
    const file = `${agent.kubeconfig}.wrong`;
    writeFileSync(file, good.replace(/token: .*/, 'token: wrong'));
    api = new ApiClient({ kubeconfig: file });
    await expect(api.call(nodes)).rejects.toMatchObject({ code: 'PermissionDenied', status: 401 });
    await expect(api.call(nodes)).rejects.toThrow('credentials are not accepted');
  });

  test('a kubeconfig that is none says so', () => {
    expect(() => new ApiClient({ kubeconfig: '/none/such' })).toThrow(/kubeconfig: \/none\/such/);
    expect(() => new ApiClient({ kubeconfig: agent.kubeconfig, context: 'nowhere' })).toThrow(
      /names no cluster/,
    );
  });

  test('many calls at once share connections and all end', async () => {
    await byBadRoad();
    const answers = await Promise.all(Array.from({ length: 300 }, () => api.call(nodes)));
    expect(answers).toHaveLength(300);
    await waitFor('all were asked', () => (road.asked.length >= 300 ? true : undefined), {
      timeoutMs: 1_000,
    });
  });
});
