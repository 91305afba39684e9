/** What an agent cannot do, whatever a neighbour talks it into, and what its token is worth to a thief. */
import { clusterName, type NodeName } from '@spillway/core';
import { ApiClient, Pods } from '@spillway/kubernetes';
import { equalNodes, installAgentRights, type LocalTestbed, startTestbed } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let testbed: LocalTestbed;
let api: ApiClient;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [{ name: 'paris', city: undefined, nodes: equalNodes(1) }],
  });
  api = new ApiClient({ kubeconfig: await installAgentRights(testbed.cluster('paris')) });
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  const made = await new Pods(api).createShadow({
    home: clusterName('lyon'),
    pod: { metadata: { name: 'g', namespace: 'shop', uid: 'u' }, spec },
    place: { node: 'node-1' as NodeName },
  });
  expect(made).toEqual({ kind: 'created' });
});

afterAll(async () => {
  api?.close();
  await testbed?.stop();
});

/** What is not there, and what is not valid, is allowed all the same. */
async function may(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
): Promise<boolean> {
  try {
    await api.call({
      method,
      path,
      ...(body && { body }),
      ...(method === 'PATCH' && { contentType: 'application/merge-patch+json' }),
    });
    return true;
  } catch (error) {
    return (error as { status?: number }).status !== 403;
  }
}

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
};

function binding(role: string, kind: string): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'x' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
    subjects: [{ kind: 'ServiceAccount', name: 'spillway-agent', namespace: 'spillway-system' }],
  };
}

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const core = '/api/v1';
const ownMaps = `${core}/namespaces/spillway-system/configmaps`;

describe('an agent may not', () => {
  test.each([
    [
      'read a Secret outside of guest namespaces',
      'GET',
      `${core}/namespaces/kube-system/secrets/x`,
    ],
    ['read its own namespace’s', 'GET', `${core}/namespaces/spillway-system/secrets/x`],
    ['list Secrets anywhere', 'GET', `${core}/secrets`],
    ['list those of a namespace', 'GET', `${core}/namespaces/default/secrets`],
    ['read a ConfigMap outside', 'GET', `${core}/namespaces/default/configmaps/x`],
    ['read another of its own namespace', 'GET', `${ownMaps}/spillway-agent`],
    ['list those of its own namespace', 'GET', ownMaps],
    ['make one', 'POST', ownMaps, { metadata: { name: 'x' } }],
    ['delete the one that it keeps', 'DELETE', `${ownMaps}/spillway-revocations`],
    ['evict by its own', 'POST', `${core}/namespaces/default/pods/x/eviction`, {}],
    ['run a command in a pod elsewhere', 'POST', `${core}/namespaces/default/pods/x/exec`, {}],
    ['read the log of a pod elsewhere', 'GET', `${core}/namespaces/kube-system/pods/x/log`],
    ['read another ConfigMap of kube-system', 'GET', `${core}/namespaces/kube-system/configmaps/x`],
    ['make a pod elsewhere', 'POST', `${core}/namespaces/kube-system/pods`, pod],
    ['change a pod elsewhere', 'PATCH', `${core}/namespaces/default/pods/x`, {}],
    ['delete a claim', 'DELETE', `${core}/namespaces/default/persistentvolumeclaims/x`],
    ['make a volume', 'POST', `${core}/persistentvolumes`, { metadata: { name: 'x' } }],
    ['change a node', 'PATCH', `${core}/nodes/node-1`, {}],
    ['delete a namespace', 'DELETE', `${core}/namespaces/default`],
    ['delete its own', 'DELETE', `${core}/namespaces/spillway-system`],
    [
      'bind another role',
      'POST',
      `${rbac}/namespaces/kube-system/rolebindings`,
      binding('cluster-admin', 'ClusterRole'),
    ],
    ['bind a role to all', 'POST', `${rbac}/clusterrolebindings`, {}],
    ['widen a role', 'PATCH', `${rbac}/clusterroles/spillway-guests`, {}],
    ['speak as another', 'POST', `${core}/namespaces/default/serviceaccounts/default/token`, {}],
  ] as const)('%s', async (_, method, path, body?: object) => {
    expect(await may(method, path, body)).toBe(false);
  });
});

test('it may look for Secrets in the namespace of its guests, and end that namespace', async () => {
  const guests = `${core}/namespaces/spillway-lyon-shop`;
  expect(await may('GET', `${guests}/secrets/x`)).toBe(true);
  expect(await may('GET', `${guests}/secrets`)).toBe(true);
  expect(await may('DELETE', guests)).toBe(true);
});

test('a holder of its token may bind the rights of guest namespaces in any other namespace, and docs/security.md says so', async () => {
  const secrets = `${core}/namespaces/kube-system/secrets`;
  expect(await may('GET', secrets)).toBe(false);
  const rolebindings = `${rbac}/namespaces/kube-system/rolebindings`;
  expect(await may('POST', rolebindings, binding('spillway-guests', 'ClusterRole'))).toBe(true);
  await expect.poll(() => may('GET', secrets)).toBe(true);
});
