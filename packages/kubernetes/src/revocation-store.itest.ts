import { isFault, randomStream } from '@spillway/core';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isNoPlace, RevocationStore, type StoredRevocations } from './revocation-store.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';

const path = '/api/v1/namespaces/spillway-system/configmaps/spillway-revocations';
let agent: AgentCluster;

beforeAll(async () => {
  agent = await startAgentCluster();
});

afterAll(async () => await agent.stop());

function storeOf(seen: StoredRevocations[], broken: unknown[] = [], namespace = 'spillway-system') {
  return new RevocationStore({
    api: agent.api,
    namespace,
    random: randomStream(1, 'revocations'),
    onStored: (stored) => seen.push(stored),
    onBroken: (error) => broken.push(error),
  });
}

/** As `kubectl apply -f -` of what the command line prints. */
async function given(list: string): Promise<void> {
  await agent.cluster.apply(`apiVersion: v1
kind: ConfigMap
metadata: { name: spillway-revocations, namespace: spillway-system }
data: { revocations.list: ${list} }
`);
}

describe('the store of revocations', () => {
  test('is empty where nothing was revoked, and keeps what the agent keeps there', async () => {
    const store = storeOf([]);
    expect(await store.load()).toEqual({ given: undefined, kept: undefined });
    await store.keep('all');
    expect(await storeOf([]).load()).toEqual({ given: undefined, kept: 'all' });
  });

  test('tells what an operator gives while it is watched, and takes back nothing that is kept', async () => {
    const seen: StoredRevocations[] = [];
    const store = storeOf(seen);
    store.start();
    await waitFor('the first', () => seen.length > 0 || undefined, { timeoutMs: 5_000 });
    await store.keep('kept');
    await given('one');
    await waitFor('one', () => seen.some((each) => each.given === 'one') || undefined, {
      timeoutMs: 5_000,
    });
    await given('two');
    const two = await waitFor('two', () => seen.find((each) => each.given === 'two'), {
      timeoutMs: 5_000,
    });
    expect(two.kept).toBe('kept');
    store.stop();
  });

  test('is followed again after someone has deleted it and made it again', async () => {
    const seen: StoredRevocations[] = [];
    const broken: unknown[] = [];
    const store = storeOf(seen, broken);
    store.start();
    await waitFor('the first', () => seen.length > 0 || undefined, { timeoutMs: 5_000 });
    await agent.cluster.client.call('DELETE', path);
    await waitFor(
      'it is missed',
      () => broken.some((error) => isFault(error, 'NotFound')) || undefined,
      {
        timeoutMs: 10_000,
      },
    );
    await given('again');
    await waitFor('it is back', () => seen.some((each) => each.given === 'again') || undefined, {
      timeoutMs: 15_000,
    });
    store.stop();
  });

  test('says whether a cluster has no place for it', async () => {
    const missing = await storeOf([], [], 'default')
      .load()
      .catch((error: unknown) => error);
    expect(isNoPlace(missing)).toBe(true);
    expect(isNoPlace(new Error('network'))).toBe(false);
  });
});
