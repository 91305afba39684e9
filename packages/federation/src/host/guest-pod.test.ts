import type { Affinity, Pod, Toleration } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { cluster } from '../testing/fixtures.ts';
import { guestPod } from './guest-pod.ts';
import { type GuestTerms, guestTermsDefaults } from './guest-terms.ts';

function honoured(
  spec: Partial<Pod['spec']>,
  metadata: Pod['metadata'] = {},
  terms: Partial<GuestTerms> = {},
) {
  const sent: Pod = {
    metadata: { name: 'web-0', namespace: 'shop', uid: 'u-1', ...metadata },
    spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
  };
  const { pod, dropped, verdicts } = guestPod(sent, {
    home: cluster('paris'),
    terms: { ...guestTermsDefaults, ...terms },
    guestNamespace: (home, namespace) => `guests-${home}-${namespace}`,
    homeNode: 'spillway-lyon',
  });
  return { pod, dropped, reasons: verdicts.map(({ reason }) => reason) };
}

describe('tolerations', () => {
  const failing = (seconds?: number): Toleration[] =>
    ['not-ready', 'unreachable'].map((name) => ({
      key: `node.kubernetes.io/${name}`,
      operator: 'Exists',
      effect: 'NoExecute',
      ...(seconds !== undefined && { tolerationSeconds: seconds }),
    }));

  test('one of every taint is no key to cordoned and reserved nodes', () => {
    const { pod, dropped } = honoured({ tolerations: [{ operator: 'Exists' }] });
    expect(pod.spec.tolerations).toEqual(failing());
    expect(dropped).toEqual(['its toleration of every taint']);
  });

  test('one of every taint is one of those that the host lists', () => {
    const { pod } = honoured(
      { tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }] },
      {},
      { tolerations: ['edge', 'gpu/*'] },
    );
    expect(pod.spec.tolerations).toEqual([
      { key: 'edge', operator: 'Exists', effect: 'NoSchedule' },
    ]);
  });

  test('how long it stays on a node that fails is the guest’s to say', () => {
    const { pod, dropped } = honoured({ tolerations: failing(30) });
    expect(pod.spec.tolerations).toEqual(failing(30));
    expect(dropped).toEqual([]);
  });

  test('one of a node that fails is none of scheduling there', () => {
    const key = 'node.kubernetes.io/not-ready';
    const { pod, dropped } = honoured({
      tolerations: [
        { key, operator: 'Exists' },
        { key, operator: 'Exists', effect: 'NoSchedule' },
      ],
    });
    expect(pod.spec.tolerations).toEqual([{ key, operator: 'Exists', effect: 'NoExecute' }]);
    expect(dropped).toEqual([`its toleration of the taint ${key}:NoSchedule`]);
  });

  test('a resource that it asks for may be tainted by its name', () => {
    const containers = [{ name: 'c', resources: { limits: { 'nvidia.com/gpu': 1, cpu: 1 } } }];
    const tolerations = [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }];
    expect(honoured({ containers, tolerations }).pod.spec.tolerations).toEqual(tolerations);
    expect(honoured({ tolerations }).pod.spec.tolerations).toEqual([]);
  });

  test('all are honoured where the host says so', () => {
    const tolerations = [{ operator: 'Exists' }];
    const { pod, dropped } = honoured({ tolerations }, {}, { tolerations: ['*'] });
    expect([pod.spec.tolerations, dropped]).toEqual([tolerations, []]);
  });
});

describe('labels and annotations', () => {
  test('what controllers of a host obey does not come, and its home is told', () => {
    const { pod, dropped } = honoured(
      {},
      {
        labels: {
          app: 'web',
          'app.kubernetes.io/name': 'web',
          'azure.workload.identity/use': 'true',
          aadpodidbinding: 'admin',
        },
        annotations: {
          'iam.amazonaws.com/role': 'host-admin',
          'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
          'kubectl.kubernetes.io/restartedAt': '2026',
        },
      },
    );
    expect(pod.metadata.labels).toEqual({ app: 'web', 'app.kubernetes.io/name': 'web' });
    expect(pod.metadata.annotations).toEqual({ 'kubectl.kubernetes.io/restartedAt': '2026' });
    expect(dropped).toEqual([
      'annotation cluster-autoscaler.kubernetes.io/safe-to-evict',
      'annotation iam.amazonaws.com/role',
      'label aadpodidbinding',
      'label azure.workload.identity/use',
    ]);
  });

  test('ours are ours to write, and fencing holds', () => {
    const { pod, dropped } = honoured(
      {},
      {
        labels: { 'spillway.dev/home': 'rome' },
        annotations: {
          'spillway.dev/partition': 'fence',
          'spillway.dev/home-name': 'other',
          'home.spillway.dev/field-0': 'forged',
        },
      },
      { annotations: ['*'], labels: ['*'] },
    );
    expect(pod.metadata.labels).toEqual({});
    expect(pod.metadata.annotations).toEqual({ 'spillway.dev/partition': 'fence' });
    expect(dropped).toEqual([]);
  });
});

describe('what it says of other pods', () => {
  const term = (rest: object) => ({
    topologyKey: 'kubernetes.io/os',
    labelSelector: { matchLabels: { app: 'shopfront' } },
    ...rest,
  });
  const antiAffinity = (required: object[], preferred: object[] = []): Affinity => ({
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: required.map(term),
      preferredDuringSchedulingIgnoredDuringExecution: preferred.map((each) => ({
        weight: 1,
        podAffinityTerm: term(each),
      })),
    },
  });
  const termsOf = (affinity: Affinity, terms: Partial<GuestTerms> = {}) => {
    const { pod, reasons, dropped } = honoured({ affinity }, {}, terms);
    const { podAntiAffinity: anti } = pod.spec.affinity ?? {};
    return {
      required: anti?.requiredDuringSchedulingIgnoredDuringExecution,
      preferred: anti?.preferredDuringSchedulingIgnoredDuringExecution,
      reasons,
      dropped,
    };
  };

  test('in all namespaces is in all of its home’s', () => {
    const { required } = termsOf(antiAffinity([{ namespaceSelector: {} }]));
    expect(required).toEqual([
      term({ namespaceSelector: { matchLabels: { 'spillway.dev/home': 'paris' } } }),
    ]);
  });

  test('in namespaces by name is in those of its home’s', () => {
    const byName = { matchLabels: { 'kubernetes.io/metadata.name': 'default' } };
    const { required } = termsOf(
      antiAffinity([{ namespaces: ['default', 'kube-system'] }, { namespaceSelector: byName }, {}]),
    );
    const sayable = {
      matchLabels: { 'spillway.dev/home': 'paris' },
      matchExpressions: [
        { key: 'spillway.dev/home-namespace', operator: 'In', values: ['default'] },
      ],
    };
    expect(required).toEqual([
      term({ namespaces: ['guests-paris-default', 'guests-paris-kube-system'] }),
      term({ namespaceSelector: sayable }),
      term({}),
    ]);
  });

  test('what a host cannot apply is refused where it is required, and dropped where it is a wish', () => {
    const namespaceSelector = { matchLabels: { team: 'a' } };
    const { required, preferred, reasons, dropped } = termsOf(
      antiAffinity([{ namespaceSelector }], [{ namespaceSelector }, {}]),
    );
    expect(required).toEqual([]);
    expect(preferred).toHaveLength(1);
    expect(reasons).toEqual([
      'cannot apply its required podAntiAffinity over kubernetes.io/os (guest namespaces do not have the label team of their home’s)',
    ]);
    expect(dropped).toHaveLength(1);
  });

  test('a spread by a label that is not kept is no spread', () => {
    const spread = (whenUnsatisfiable: string) => ({
      maxSkew: 1,
      topologyKey: 'topology.kubernetes.io/zone',
      whenUnsatisfiable,
      labelSelector: { matchLabels: { 'example.com/app': 'x' } },
    });
    const must = honoured({ topologySpreadConstraints: [spread('DoNotSchedule')] });
    expect(must.reasons).toHaveLength(1);
    const wish = honoured({ topologySpreadConstraints: [spread('ScheduleAnyway')] });
    expect(wish.reasons).toEqual([]);
    expect(wish.dropped).toHaveLength(1);
    expect(wish.pod.spec.topologySpreadConstraints).toEqual([]);
    const listed = { labels: ['example.com/*'] };
    const kept = honoured({ topologySpreadConstraints: [spread('DoNotSchedule')] }, {}, listed);
    expect([kept.reasons, kept.dropped]).toEqual([[], []]);
  });
});

describe('fields', () => {
  test('what would be the node’s, or a group of its home, is refused', () => {
    const { reasons } = honoured({
      hostNetwork: true,
      schedulingGroup: { podGroupName: 'g' },
      workloadRef: { name: 'w' },
    });
    expect(reasons).toContain('takes no pod with hostNetwork');
    expect(reasons).toContain('takes no pod with schedulingGroup');
    expect(reasons).toContain('takes no pod with workloadRef');
  });

  test('a field of a newer Kubernetes is refused by name, and one that says nothing is not', () => {
    const { reasons } = honoured({
      warpDrive: { factor: 9 },
      idle: false,
      containers: [{ name: 'c', turbo: true }],
    });
    expect(reasons).toEqual([
      'does not know the field warpDrive',
      'does not know the container field turbo',
    ]);
    expect(honoured({ constructor: { x: 1 } }).reasons).toHaveLength(1);
  });

  test('a field that is false may be a guard', () => {
    expect(honoured({ hostUsers: false }).pod.spec['hostUsers']).toBe(false);
  });

  test('images and RuntimeClasses are those that the host lists', () => {
    const terms = {
      images: ['docker.io/library/*', 'registry.example/team/*'],
      runtimeClasses: ['gvisor'],
    };
    const reasonsOf = (image: string, spec: object = {}) =>
      honoured({ containers: [{ name: 'c', image }], ...spec }, {}, terms).reasons;
    expect(reasonsOf('nginx:1')).toEqual([]);
    expect(reasonsOf('registry.example/team/a:1')).toEqual([]);
    expect(reasonsOf('someone/nginx')).toEqual([
      'does not allow guests image someone/nginx (guests.images)',
    ]);
    expect(reasonsOf('evil.example/library/nginx')).toHaveLength(1);
    const model = { volumes: [{ name: 'm', image: { reference: 'evil.example/model' } }] };
    expect(reasonsOf('nginx', model)).toEqual([
      'does not allow guests image evil.example/model (guests.images)',
    ]);
    expect(reasonsOf('nginx', { runtimeClassName: 'gvisor' })).toEqual([]);
    expect(reasonsOf('nginx', { runtimeClassName: 'privileged' })).toEqual([
      'does not allow guests RuntimeClass privileged (guests.runtimeClasses)',
    ]);
  });

  test('no grace is longer than the host’s, and no eviction has a say of the guest’s', () => {
    const { pod, dropped } = honoured({
      terminationGracePeriodSeconds: 1e9,
      evictionResponders: [{ name: 'r' }],
    });
    expect(pod.spec.terminationGracePeriodSeconds).toBe(3_600);
    expect(pod.spec['evictionResponders']).toBeUndefined();
    expect(dropped).toEqual(['evictionResponders', 'terminationGracePeriodSeconds above 3600']);
  });
});

describe('what a guest sees of itself', () => {
  const fieldRef = (fieldPath: string) => ({ fieldRef: { apiVersion: 'v1', fieldPath } });
  const metadata = {
    labels: { app: 'web', 'example.com/tier': 'a' },
    annotations: { note: 'say "hi"\n$(HOME)', 'iam.amazonaws.com/role': 'r' },
  };

  test('in its environment, is what the pod is at home', () => {
    const paths = [
      'metadata.namespace',
      'metadata.uid',
      'metadata.name',
      'spec.nodeName',
      'spec.serviceAccountName',
      "metadata.labels['example.com/tier']",
      "metadata.annotations['note']",
      "metadata.annotations['none']",
      'status.podIP',
    ];
    const env = paths.map((path, i) => ({ name: `V${i}`, valueFrom: fieldRef(path) }));
    const containers = [{ name: 'c', env }];
    const { pod } = honoured(
      { containers, initContainers: containers, serviceAccountName: 'robot' },
      metadata,
    );
    const seen = [
      ...['shop', 'u-1', 'web-0', 'spillway-lyon', 'robot', 'a', 'say "hi"\n$$(HOME)', ''].map(
        (value, i) => ({ name: `V${i}`, value }),
      ),
      env[8],
    ];
    expect(pod.spec.containers[0]?.['env']).toEqual(seen);
    expect(pod.spec.initContainers?.[0]?.['env']).toEqual(seen);
  });

  test('in files, is shown by annotations of ours', () => {
    const items = ['metadata.namespace', 'metadata.labels', 'metadata.annotations'].map(
      (path, i) => ({ path: `${i}`, ...fieldRef(path) }),
    );
    const limit = { path: 'cpu', resourceFieldRef: { resource: 'limits.cpu' } };
    const { pod } = honoured(
      {
        volumes: [
          { name: 'info', downwardAPI: { items: [...items, limit] } },
          { name: 'both', projected: { sources: [{ downwardAPI: { items: [items[0]] } }] } },
        ],
      },
      metadata,
    );
    const shown = items.map((item, i) => ({
      ...item,
      ...fieldRef(`metadata.annotations['home.spillway.dev/field-${i}']`),
    }));
    expect(pod.spec.volumes).toEqual([
      { name: 'info', downwardAPI: { items: [...shown, limit] } },
      { name: 'both', projected: { sources: [{ downwardAPI: { items: [shown[0]] } }] } },
    ]);
    expect(pod.metadata.annotations).toEqual({
      'home.spillway.dev/field-0': 'shop',
      'home.spillway.dev/field-1': 'app="web"\nexample.com/tier="a"',
      'home.spillway.dev/field-2': 'iam.amazonaws.com/role="r"\nnote="say \\"hi\\"\\n$(HOME)"',
    });
  });
});
