import { type Pod, wellKnown } from '@spillway/core';
import { makeAgentPod, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ActiveLabel } from './active-label.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';

const namespace = 'spillway-system';
let agent: AgentCluster;
const problems: unknown[] = [];

beforeAll(async () => {
  agent = await startAgentCluster();
  for (const name of ['one', 'two']) {
    await makeAgentPod(agent.cluster, name);
  }
});

afterAll(async () => await agent.stop());

function label(name: string): ActiveLabel {
  const onProblem = (error: unknown): void => void problems.push(error);
  return new ActiveLabel({ api: agent.api, pod: { namespace, name }, onProblem });
}

async function labelled(): Promise<readonly string[]> {
  const { items } = await agent.cluster.client.get<{ items: readonly Pod[] }>(
    `/api/v1/namespaces/${namespace}/pods`,
  );
  return items
    .filter(({ metadata }) => metadata.labels?.[wellKnown.activeLabel] === 'true')
    .map(({ metadata }) => metadata.name ?? '');
}

async function become(...names: readonly string[]): Promise<void> {
  await waitFor(
    `${names.join()} labelled`,
    async () => String(await labelled()) === String(names) || undefined,
    { timeoutMs: 10_000, everyMs: 20 },
  );
}

describe('the label of the active agent’s pod', () => {
  test('is on it while it is active, and not when it has stopped', async () => {
    const one = label('one');
    one.start();
    await become('one');
    await one.stop();
    expect(await labelled()).toEqual([]);
  });

  test('is taken from a predecessor that was killed', async () => {
    const one = label('one');
    one.start();
    await become('one');
    const two = label('two');
    two.start();
    await become('two');
    await two.stop();
    await one.stop();
  });

  test('is not touched by one that never was active', async () => {
    const one = label('one');
    one.start();
    await become('one');
    await label('one').stop();
    expect(await labelled()).toEqual(['one']);
    await one.stop();
  });

  test('is no obstacle where its pod is gone, and needs no other right than the shipped ones', async () => {
    const gone = label('gone');
    gone.start();
    await gone.stop();
    expect(problems).toEqual([]);
  });
});
