/** The OffloadPolicy schema as a real API server judges by it, and the status that authors read. */
import { randomStream, type WallMs } from '@spillway/core';
import { PolicyBook } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customResourcesPath } from './custom-resources.ts';
import {
  OffloadPolicyWatch,
  type StoredOffloadPolicy,
  writeOffloadPolicyStatus,
} from './offload-policies.ts';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';
import { installCrds } from './testing/crds.ts';

const path = `${customResourcesPath}/namespaces/default/offloadpolicies`;

let agent: AgentCluster;

beforeAll(async () => {
  agent = await startAgentCluster();
  await installCrds(agent.cluster);
});

afterAll(async () => await agent.stop());

interface Refusal {
  readonly message: string;
}

const dryRun = `${path}?dryRun=All&fieldValidation=Strict`;
const object = (name: string, spec: object) => ({
  apiVersion: 'spillway.dev/v1alpha1',
  kind: 'OffloadPolicy',
  metadata: { name },
  spec,
});

/** What the API server makes of it, or its message. */
async function judged(spec: object): Promise<StoredOffloadPolicy | string> {
  try {
    return await agent.cluster.client.call('POST', dryRun, object('a', spec));
  } catch (error) {
    return (error as Refusal).message;
  }
}

const eu = { selector: { matchLabels: { region: 'eu' } } };
const inOrNot = (operator: string, values?: readonly string[]) => ({
  refused: [
    { selector: { matchExpressions: [{ key: 'tier', operator, ...(values && { values }) }] } },
  ],
});

describe('the schema takes', () => {
  test('a policy that says nothing, and fills in what then holds', async () => {
    expect(await judged({})).toMatchObject({
      spec: { policy: 'nearest', partition: 'keep', precedence: 0, mayLeave: { pods: 'Always' } },
    });
  });

  test.each([
    ['every policy by name', { policy: 'worst-fit' }],
    [
      'cluster-affinity with something to be near to',
      { policy: 'cluster-affinity', preferred: [eu] },
    ],
    [
      'all of it at once',
      {
        podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'b'] }] },
        precedence: 10,
        policy: 'spread',
        required: [eu, { names: ['berlin', 'lyon'] }],
        preferred: [{ names: ['berlin'] }],
        refused: [{ names: ['lyon', 'oslo'] }],
        rttMsMax: 12.5,
        mayLeave: { pods: 'Matching', podSelector: { matchLabels: { tier: 'web' } } },
        partition: 'fence',
      },
    ],
    ['In with values', inOrNot('In', ['spot'])],
    ['DoesNotExist without', inOrNot('DoesNotExist')],
  ])('%s', async (_, spec) => {
    expect(await judged(spec)).toMatchObject({ kind: 'OffloadPolicy' });
  });
});

describe('the schema refuses, and says why', () => {
  test.each([
    [{ policy: 'closest' }, 'supported values: \\"nearest\\", \\"worst-fit\\"'],
    [
      { policy: 'cluster-affinity' },
      'cluster-affinity needs at least one entry of required or preferred',
    ],
    [{ required: [{ names: ['a'], ...eu }] }, 'give either names or selector, not both'],
    [{ required: [{}] }, 'give either names or selector, not both'],
    [{ required: [] }, 'should have at least 1 items'],
    [{ refused: [{ names: ['Berlin'] }] }, 'should match'],
    [
      { required: [{ names: ['a', 'b'] }], refused: [{ names: ['b', 'a'] }] },
      'every cluster that an entry of required names is refused',
    ],
    [
      { preferred: [{ names: ['a', 'b'] }], refused: [{ names: ['b'] }] },
      'both preferred and refused by name',
    ],
    [{ mayLeave: { pods: 'Never' }, required: [eu] }, 'leaves nothing to choose'],
    [{ mayLeave: { pods: 'Never' }, rttMsMax: 5 }, 'leaves nothing to choose'],
    [{ mayLeave: { pods: 'Matching' } }, 'podSelector goes with pods: Matching'],
    [
      { mayLeave: { podSelector: { matchLabels: { a: 'b' } } } },
      'podSelector goes with pods: Matching',
    ],
    [inOrNot('In'), 'In and NotIn need values'],
    [inOrNot('Exists', ['x']), 'In and NotIn need values; Exists and DoesNotExist take none'],
    [{ podSelector: {} }, 'should have at least 1 properties'],
    [{ rttMsMax: 0 }, 'should be greater than 0'],
    [{ rttMsMax: 100_000 }, 'should be less than or equal to 60000'],
    [{ partition: 'split' }, 'supported values: \\"keep\\", \\"fence\\"'],
    [{ precedence: 1_001 }, 'should be less than or equal to 1000'],
    [{ rttMaxMs: 5 }, 'unknown field \\"spec.rttMaxMs\\"'],
    // What could be read as another rule, were it written as text.
    [{ refused: [{ selector: { matchLabels: { tier: 'a; stay' } } }] }, 'should match'],
  ])('%j', async (spec, message) => {
    expect(await judged(spec)).toContain(message);
  });
});

describe('the status', () => {
  const book = new PolicyBook('nearest');
  const seen: string[] = [];
  let watch: OffloadPolicyWatch;

  beforeAll(async () => {
    watch = new OffloadPolicyWatch({
      api: agent.api,
      random: randomStream(1, 'watch'),
      onEvent: (type, policy) => {
        seen.push(`${type} ${policy.metadata.name}`);
        if (type === 'set') book.set(policy);
        else book.delete(policy);
      },
      onListed: () => seen.push('listed'),
      onBroken: () => {},
    });
    watch.start();
    await waitFor('listed', () => seen.includes('listed') || undefined, { timeoutMs: 10_000 });
    await agent.cluster.client.call('POST', path, object('first', { precedence: 2, rttMsMax: 40 }));
    await agent.cluster.client.call('POST', path, object('second', {}));
    await waitFor('both', () => book.reports('default').length === 2 || undefined, {
      timeoutMs: 10_000,
    });
  });

  afterAll(() => watch.stop());

  const report = async (): Promise<void> => {
    for (const each of book.reports('default')) {
      await writeOffloadPolicyStatus(agent.api, each, 1_800_000_000_000 as WallMs);
    }
  };
  const there = async (name: string): Promise<StoredOffloadPolicy> =>
    await agent.cluster.client.get(`${path}/${name}`);

  test('says what is in force and what is not, of which generation, and is written once', async () => {
    await report();
    const { metadata, status } = await there('first');
    expect(status).toMatchObject({ observedGeneration: 1, policyText: 'nearest; rtt<=40' });
    expect(status?.conditions).toEqual([
      expect.objectContaining({ type: 'InForce', status: 'True', observedGeneration: 1 }),
    ]);
    const second = await there('second');
    expect(second.status?.conditions).toEqual([
      expect.objectContaining({
        type: 'InForce',
        status: 'False',
        reason: 'Shadowed',
        message: 'OffloadPolicy first has priority and selects every pod of the namespace',
      }),
    ]);
    await waitFor(
      'the watch has shown it',
      () =>
        book
          .reports('default')
          .every(({ object: { status: shown } }: { object: StoredOffloadPolicy }) => shown) ||
        undefined,
      { timeoutMs: 10_000 },
    );
    await report();
    expect((await there('first')).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  test('one that was deleted meanwhile is no matter, nor is another of its name', async () => {
    await agent.cluster.client.call('DELETE', `${path}/second`);
    await agent.cluster.client.call('POST', path, object('second', { precedence: 5 }));
    const old = { metadata: { ...(await there('second')).metadata, uid: 'other' }, spec: {} };
    const [known] = book.reports('default');
    if (known === undefined) throw new Error('no report');
    await writeOffloadPolicyStatus(
      agent.api,
      { ...known, name: 'second', object: old },
      0 as WallMs,
    );
    expect((await there('second')).status).toBeUndefined();
    await writeOffloadPolicyStatus(
      agent.api,
      { ...known, name: 'nobody', object: old },
      0 as WallMs,
    );
  });
});
