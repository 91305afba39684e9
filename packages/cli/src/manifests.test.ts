import { Fault } from '@spillway/core';
import { portabilityVerdicts } from '@spillway/federation';
import { describe, expect, it } from 'vitest';
import { batchesIn as batchesInSources } from './manifests.ts';

function batchesIn(text: string, namespace: string) {
  return batchesInSources([{ name: 'web.yaml', text }], namespace);
}

const template = `
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: c, image: web, resources: { limits: { cpu: 1, memory: 1Gi }, requests: { cpu: 500m } } }] }`;

describe('batchesIn', () => {
  it.each([
    ['Deployment', 'replicas: 3', 3],
    ['Deployment', 'paused: false', 1],
    ['ReplicaSet', 'replicas: 0', 0],
    ['StatefulSet', 'replicas: 2', 2],
    ['Job', 'parallelism: 4', 4],
    ['Job', 'parallelism: 4\n  completions: 3', 3],
    ['Job', 'backoffLimit: 1', 1],
  ])('%s with %s makes %s pods', (kind, spec, count) => {
    const text = `apiVersion: x/v1\nkind: ${kind}\nmetadata: { name: web }\nspec:\n  ${spec}${template}`;
    const { batches } = batchesIn(text, 'shop');
    expect(batches).toMatchObject([{ name: `${kind.toLowerCase()}/web`, count }]);
    expect(batches[0]?.pod.metadata).toEqual({
      name: 'web-dry-run',
      namespace: 'shop',
      labels: { app: 'web' },
    });
  });

  it('asks for what is limited, as the API server does, unless it asks for less', () => {
    const text = `apiVersion: x/v1\nkind: Deployment\nmetadata: { name: web }\nspec:${template}`;
    const [container] = batchesIn(text, 'shop').batches[0]?.pod.spec.containers ?? [];
    expect(container?.resources?.requests).toEqual({ cpu: '500m', memory: '1Gi' });
  });

  it('takes pods, lists, namespaces and several documents, and names what it leaves out', () => {
    const { batches, namespaces, skipped } = batchesIn(
      `
apiVersion: v1
kind: Namespace
metadata: { name: lab, labels: { spillway.dev/offload: enabled } }
---
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: Pod, metadata: { name: one, namespace: lab }, spec: { containers: [{ name: c }] } }
  - { apiVersion: v1, kind: Service, metadata: { name: web } }
---
# nothing here
---
{ apiVersion: v1, kind: Pod, metadata: { generateName: two- }, spec: { containers: [{ name: c }] } }
`,
      'shop',
    );
    expect(batches.map(({ name, pod }) => [name, pod.metadata.namespace])).toEqual([
      ['pod/one', 'lab'],
      ['pod/two-', 'shop'],
    ]);
    expect(namespaces).toEqual({
      lab: { labels: { 'spillway.dev/offload': 'enabled' }, annotations: {} },
    });
    expect(skipped).toEqual(['service/web']);
  });

  it('takes the claims that come with pods, and those that a StatefulSet makes', () => {
    const { batches, claims, skipped } = batchesIn(
      `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { storageClassName: fast }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db, namespace: lab }
spec:
  replicas: 2
  volumeClaimTemplates: [{ metadata: { name: disk }, spec: { accessModes: [ReadWriteOnce] } }]${template}
`,
      'shop',
    );
    expect(skipped).toEqual([]);
    expect(claims).toEqual([
      { metadata: { name: 'data', namespace: 'shop' }, spec: { storageClassName: 'fast' } },
      {
        metadata: { name: 'disk-db-0', namespace: 'lab' },
        spec: { accessModes: ['ReadWriteOnce'] },
      },
    ]);
    expect(batches[0]?.pod.spec.volumes).toContainEqual({
      name: 'disk',
      persistentVolumeClaim: { claimName: 'disk-db-0' },
    });
  });

  it('mounts a token where the API server would, so that a pod with a named service account is known to stay', () => {
    const { batches, accounts } = batchesIn(
      ['robot', 'tokenless']
        .map(
          (name) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec: { serviceAccountName: ${name}, containers: [{ name: c }] }
---`,
        )
        .join('') +
        '\n{ apiVersion: v1, kind: ServiceAccount, metadata: { name: tokenless }, automountServiceAccountToken: false }',
      'shop',
    );
    const [robot, tokenless] = batches.map(({ pod }) => portabilityVerdicts(pod));
    expect(robot?.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('uses service account robot, whose token does not travel'),
    ]);
    expect(tokenless).toEqual([]);
    expect(accounts).toEqual(['robot']);
  });

  it.each([
    ['what is no YAML', 'a: [', 'web.yaml, document 1: '],
    ['what is no object', 'kind: Pod', 'web.yaml, document 1: expected apiVersion and kind'],
    ['a key that is none, such as of a template', 'a: {{ b }}', 'expected each key to be a text'],
    ['a text', 'hello', 'web.yaml, document 1: expected apiVersion and kind'],
    ['a list', '[1, 2]', 'document 1: expected apiVersion and kind'],
    ['a list of nothing', 'apiVersion: v1\nkind: List\nitems: [3]', 'document 1, item 1: expected'],
    [
      'a pod without containers, by file, document and name',
      'apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: x }',
      'web.yaml, document 2 (pod/x) has no containers',
    ],
    ['a template that is none', 'apiVersion: v1\nkind: Job\nspec: 3', 'has no containers'],
    [
      'a container that is none',
      'apiVersion: v1\nkind: Pod\nspec: { containers: [x] }',
      'expected each container to be a map',
    ],
    [
      'resources that are none',
      'apiVersion: v1\nkind: Pod\nspec: { containers: [{ name: c, resources: 4 }] }',
      'and its resources another',
    ],
    [
      'a count that is none',
      `apiVersion: x/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: many${template}`,
      'document 1 (deployment/web): expected a whole number of pods, got many',
    ],
    [
      'aliases that grow without end',
      `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [${'*a,'.repeat(10)}]\nc: &c [${'*b,'.repeat(10)}]\nd: [${'*c,'.repeat(10)}]`,
      'Excessive alias count',
    ],
    [
      'a quantity that Kubernetes would not take, by file, document, object and resource',
      `apiVersion: v1
kind: ConfigMap
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: bad }
spec: { template: { spec: { containers: [{ name: c, resources: { requests: { cpu: 1x } } }] } } }
`,
      'web.yaml, document 2 (deployment/bad): cpu: quantity "1x": expected a number',
    ],
  ])('refuses %s', (_, text, problem) => {
    expect(() => batchesIn(text, 'shop')).toThrow(Fault);
    expect(() => batchesIn(text, 'shop')).toThrow(problem);
  });
});
