/**
 * What changes at home between a neighbour's grant and the binding, with agents as they ship: the neighbour's
 * API server hangs while it tries the pod, and answers only when the home has changed its mind.
 */
import { readFileSync } from 'node:fs';
import type { Pod } from '@spillway/core';
import { equalNodes, type LocalTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Federation, startFederation } from './federation.ts';

const soon = { timeoutMs: 60_000, everyMs: 50 };
const merge = 'application/merge-patch+json';

let testbed: LocalTestbed;
let federation: Federation;

interface Explanation {
  readonly podState?: string;
  readonly message?: string;
  readonly neighbours?: Readonly<Record<string, string>>;
}

beforeAll(async () => {
  testbed = await startTestbed({
    auditRequests: true,
    clusters: [
      { name: 'paris', city: undefined, nodes: equalNodes(1, { cpu: '1' }) },
      { name: 'lyon', city: undefined, nodes: equalNodes(2) },
    ],
  });
  federation = await startFederation(testbed);
  await home().apply('{apiVersion: v1, kind: Namespace, metadata: {name: shop}}');
});

afterAll(async () => {
  await federation?.stop();
  await testbed?.stop();
});

function home() {
  return testbed.cluster('paris');
}

function host() {
  return testbed.cluster('lyon');
}

/** Of 2 CPU, which no node at home has. Each has a template of its own, so each is tried. */
async function make(name: string): Promise<void> {
  await home().apply(`apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec:
  schedulerName: spillway
  containers: [{ name: main, image: registry.example/${name}:1, resources: { requests: { cpu: 2 } } }]
`);
}

async function pod(name: string): Promise<Pod> {
  return await home().client.get<Pod>(`/api/v1/namespaces/shop/pods/${name}`);
}

async function runs(name: string): Promise<Pod> {
  return await waitFor(
    `${name} runs`,
    async () => {
      const found = await pod(name);
      return found.status?.phase === 'Running' ? found : undefined;
    },
    soon,
  );
}

async function explained(
  name: string,
  what: string,
  holds: (explanation: Explanation) => boolean,
): Promise<Explanation> {
  const path = `/v1/explain?namespace=shop&name=${name}`;
  return await waitFor(
    what,
    async () => {
      const said = await federation.agent('paris').get<Explanation>(path);
      return holds(said) ? said : undefined;
    },
    soon,
  );
}

/** lyon has granted room for the pod, and its API server hangs while `change` happens. */
async function whileTried(name: string, change: () => Promise<void>): Promise<void> {
  host().pause('kube-apiserver');
  try {
    await make(name);
    await explained(name, `${name} is tried`, ({ podState }) => podState === 'granted');
    await change();
  } finally {
    host().resume('kube-apiserver');
  }
  await waitFor(
    `lyon’s API server has tried ${name}`,
    () => readFileSync(host().auditLog, 'utf8').includes(`registry.example/${name}:1`) || undefined,
    soon,
  );
}

describe('a pod that its host is trying', () => {
  test('stays at home when its owner says so meanwhile, and others go on', async () => {
    await whileTried('wavering', async () => {
      const annotations = { 'spillway.dev/policy': 'nearest; stay' };
      await home().client.call(
        'PATCH',
        '/api/v1/namespaces/shop/pods/wavering',
        { metadata: { annotations } },
        merge,
      );
      await explained('wavering', 'it waits again', ({ podState }) => podState === 'pending');
    });
    // Were the first one still to be bound, it would be by now.
    await make('steady');
    await runs('steady');
    const { message } = await explained('wavering', 'it says why', (said) => Boolean(said.message));
    expect(message).toContain('may not leave its home because of annotation spillway.dev/policy');
    expect((await pod('wavering')).spec.nodeName).toBeUndefined();
    const { items } = await host().client.get<{ items: Pod[] }>('/api/v1/pods');
    const names = items.map(({ metadata }) => metadata.name);
    expect(names).toContain('steady');
    expect(names).not.toContain('wavering');
  });

  test('is not bound to a virtual node that is cordoned meanwhile, and is once it is uncordoned', async () => {
    await whileTried('late', async () => {
      await home().kubectl(['cordon', 'spillway-lyon']);
      await waitFor(
        'the agent sees it',
        async () => {
          const { cordoned } = await federation
            .agent('paris')
            .get<{ cordoned: readonly string[] }>('/v1/status');
          return cordoned.includes('lyon') || undefined;
        },
        soon,
      );
    });
    await explained('late', 'it says why', ({ neighbours }) =>
      Boolean(neighbours?.['lyon']?.includes('its virtual node is cordoned')),
    );
    expect((await pod('late')).spec.nodeName).toBeUndefined();
    await home().kubectl(['uncordon', 'spillway-lyon']);
    expect((await runs('late')).spec.nodeName).toBe('spillway-lyon');
  });
});
