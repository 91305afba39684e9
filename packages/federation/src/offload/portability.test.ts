import type { Container, Pod, PodSpec } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { portablePod, needsOf, portabilityVerdicts } from './portability.ts';

const main: Container = { name: 'main', image: 'web' };

function pod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec: { containers: [main], ...spec },
  };
}

/** As the ServiceAccount admission plugin adds it. */
const token = {
  name: 'kube-api-access-x7k2p',
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt' } },
      { downwardAPI: {} },
    ],
  },
};

const pinnedTerm = {
  matchExpressions: [
    { key: 'kubernetes.io/hostname', operator: 'In' as const, values: ['node-1'] },
  ],
};
const zoneTerm = {
  matchExpressions: [
    { key: 'topology.kubernetes.io/zone', operator: 'In' as const, values: ['a'] },
  ],
};

function requiring(...nodeSelectorTerms: (typeof pinnedTerm)[]): Partial<PodSpec> {
  return {
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    },
  };
}

describe('portabilityVerdicts', () => {
  it('name what holds pods back alike, whatever names the pods use', () => {
    const fields = ['a', 'b'].map((name) =>
      portabilityVerdicts(
        pod({
          hostNetwork: true,
          containers: [{ ...main, name, ports: [{ containerPort: 80, hostPort: 80 }] }],
          volumes: [
            { name: `${name}-1`, persistentVolumeClaim: { claimName: name } },
            { name: `${name}-2`, hostPath: { path: name } },
            { name: `${name}-3`, nfs: { server: name, path: '/' } },
            { name: `${name}-4`, projected: { sources: [{ clusterTrustBundle: { name } }] } },
          ],
        }),
      ).map(({ field }) => field),
    );
    expect(fields[0]).toEqual([
      'hostNetwork',
      'ports[].hostPort',
      'volumes[].persistentVolumeClaim',
      'volumes[].hostPath',
      'volumes[].nfs',
      'volumes[].projected.clusterTrustBundle',
    ]);
    expect(fields[1]).toEqual(fields[0]);
  });

  it.each<[string, Pod]>([
    ['a plain pod', pod()],
    ['one with the default token', pod({ volumes: [token] })],
    [
      'one with scratch space and downward API',
      pod({
        volumes: [
          { name: 'tmp', emptyDir: {} },
          { name: 'info', downwardAPI: {} },
        ],
      }),
    ],
    ['one that may go to another node too', pod(requiring(pinnedTerm, zoneTerm))],
    [
      'one of a ReplicaSet',
      pod(
        {},
        {
          ownerReferences: [
            { kind: 'ReplicaSet', name: 'web', controller: true, apiVersion: 'apps/v1', uid: '1' },
          ],
        },
      ),
    ],
  ])('lets %s go', (_, travelling) => {
    expect(portabilityVerdicts(travelling)).toEqual([]);
  });

  it.each<[string, Pod]>([
    [
      'is one of DaemonSet logs',
      pod(
        {},
        {
          ownerReferences: [
            { kind: 'DaemonSet', name: 'logs', controller: true, apiVersion: 'apps/v1', uid: '1' },
          ],
        },
      ),
    ],
    [
      'is the mirror of a static pod',
      pod({}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
    ],
    ['(hostNetwork)', pod({ hostNetwork: true })],
    ['(hostPID)', pod({ hostPID: true })],
    ['(hostIPC)', pod({ hostIPC: true })],
    ['is pinned to a node', pod({ nodeSelector: { 'kubernetes.io/hostname': 'node-1' } })],
    ['is pinned to a node', pod(requiring(pinnedTerm))],
    [
      'opens port 80 of its node (hostPort of container main)',
      pod({ containers: [{ ...main, ports: [{ containerPort: 8080, hostPort: 80 }] }] }),
    ],
    [
      'uses PersistentVolumeClaim data',
      pod({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] }),
    ],
    ['uses an ephemeral claim (volume data)', pod({ volumes: [{ name: 'data', ephemeral: {} }] })],
    [
      'uses a path of its node (hostPath volume logs)',
      pod({ volumes: [{ name: 'logs', hostPath: { path: '/var/log' } }] }),
    ],
    ['uses a nfs volume (share)', pod({ volumes: [{ name: 'share', nfs: { server: 's' } }] })],
    [
      'mounts a service account token (volume mine)',
      pod({
        volumes: [
          { name: 'mine', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
        ],
      }),
    ],
    ['uses service account robot', pod({ serviceAccountName: 'robot', volumes: [token] })],
    ['has resource claims (DRA)', pod({ resourceClaims: [{ name: 'gpu' }] })],
    [
      'must run beside other pods of its home',
      pod({
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'zone', labelSelector: {} },
            ],
          },
        },
      }),
    ],
  ])('keeps a pod that %s', (reason, staying) => {
    const reasons = portabilityVerdicts(staying).map((verdict) => verdict.reason);
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain(reason);
  });

  it.each([
    ['x', 300_000],
    ['ä', 150_000],
  ])('keeps a pod that is too large: %s %i times', (letter, times) => {
    const large = pod({}, { annotations: { note: letter.repeat(times) } });
    expect(portabilityVerdicts(large).map(({ reason }) => reason)).toEqual([
      'is larger than the 256 KiB that travel',
    ]);
    const fits = pod({}, { annotations: { note: letter.repeat(times / 2) } });
    expect(portabilityVerdicts(fits)).toEqual([]);
  });

  it('names every reason, not the first', () => {
    expect(portabilityVerdicts(pod({ hostNetwork: true, hostPID: true }))).toHaveLength(2);
  });
});

describe('needsOf', () => {
  it('finds ConfigMaps and Secrets wherever a pod can name them, sorted and once', () => {
    const container = {
      ...main,
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'env-map', key: 'a' } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'env-secret', key: 'b' } } },
      ],
      envFrom: [{ configMapRef: { name: 'all-map' } }, { secretRef: { name: 'all-secret' } }],
    };
    const spec = pod({
      containers: [container],
      initContainers: [container],
      imagePullSecrets: [{ name: 'pull' }],
      volumes: [
        { name: 'c', configMap: { name: 'volume-map' } },
        { name: 's', secret: { secretName: 'volume-secret' } },
        { name: 'p', projected: { sources: [{ configMap: { name: 'projected-map' } }] } },
      ],
    }).spec;
    expect(needsOf(spec)).toEqual({
      configMaps: ['all-map', 'env-map', 'projected-map', 'volume-map'],
      secrets: ['all-secret', 'env-secret', 'pull', 'volume-secret'],
    });
  });

  it('needs neither what is optional nor what the token brings', () => {
    const spec = pod({
      volumes: [token, { name: 'c', configMap: { name: 'perhaps', optional: true } }],
    }).spec;
    expect(needsOf(spec)).toEqual({ configMaps: [], secrets: [] });
  });
});

describe('portablePod', () => {
  it('leaves owners, finalizers, status and priority at home, and the token with its mounts', () => {
    const mounts = [
      { name: token.name, mountPath: '/var/run/secrets' },
      { name: 'tmp', mountPath: '/tmp' },
    ];
    const cut = portablePod({
      metadata: {
        name: 'web',
        namespace: 'shop',
        uid: 'u1',
        labels: { app: 'web' },
        annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        finalizers: ['a/b'],
        resourceVersion: '7',
      },
      spec: {
        containers: [{ ...main, volumeMounts: mounts }],
        volumes: [token, { name: 'tmp', emptyDir: {} }],
        nodeName: 'spillway-lyon',
        serviceAccountName: 'robot',
        priority: 1_000,
        priorityClassName: 'high',
        schedulerName: 'spillway',
        terminationGracePeriodSeconds: 5,
      },
      status: { phase: 'Pending' },
    });
    expect(cut).toEqual({
      metadata: {
        name: 'web',
        namespace: 'shop',
        uid: 'u1',
        labels: { app: 'web' },
        annotations: { note: 'x' },
      },
      spec: {
        containers: [{ ...main, volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }],
        volumes: [{ name: 'tmp', emptyDir: {} }],
        serviceAccountName: 'robot',
        terminationGracePeriodSeconds: 5,
      },
    });
  });
});
