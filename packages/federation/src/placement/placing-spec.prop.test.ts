import { type Container, type Pod, shapeOf } from '@spillway/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { placingSpec } from './placing-spec.ts';
import { portablePod, portabilityVerdicts } from '../offload/portability.ts';

const quantity = fc.constantFrom('10m', '1', '250m', '64Mi', '2Gi');
const list = fc.dictionary(fc.constantFrom('cpu', 'memory', 'nvidia.com/gpu'), quantity);
const labels = fc.dictionary(fc.constantFrom('app', 'rev', 'zone'), fc.constantFrom('a', 'b'));
const secret = 'b3f1-only-for-its-host';

const container = fc.record({
  name: fc.constant(`name-${secret}`),
  image: fc.constant(`registry/${secret}:1`),
  command: fc.constant([secret]),
  env: fc.constant([{ name: secret, value: secret }]),
  envFrom: fc.constant([{ secretRef: { name: secret } }]),
  livenessProbe: fc.constant({ exec: { command: [secret] } }),
  securityContext: fc.constant({ seLinuxOptions: { level: secret } }),
  ports: fc.constant([{ name: secret, containerPort: 80 }]),
  resources: fc.record(
    { requests: list, limits: fc.constant({ 'example.com/x': '1' }) },
    { requiredKeys: [] },
  ),
});

const selecting = fc.record(
  {
    topologyKey: fc.constantFrom('zone', 'kubernetes.io/hostname'),
    labelSelector: fc.record({ matchLabels: labels }),
    matchLabelKeys: fc.constantFrom(['app'], ['app', 'rev']),
  },
  { requiredKeys: ['topologyKey'] },
);

const pod: fc.Arbitrary<Pod> = fc.record({
  metadata: fc.record({
    name: fc.constant(`pod-${secret}`),
    namespace: fc.constant('shop'),
    uid: fc.constant(secret),
    labels,
    annotations: fc.constant({ note: secret }),
  }),
  spec: fc.record(
    {
      containers: fc.array(container, { minLength: 1, maxLength: 3 }),
      initContainers: fc.array(
        fc
          .tuple(container, fc.constantFrom(undefined, 'Always'))
          .map(
            ([each, restartPolicy]): Container =>
              restartPolicy === undefined ? each : { ...each, restartPolicy },
          ),
        { maxLength: 2 },
      ),
      overhead: list,
      resources: fc.record({ requests: list }),
      nodeSelector: labels,
      affinity: fc.record(
        {
          nodeAffinity: fc.constant({
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }],
            },
          }),
          podAntiAffinity: fc.record({
            requiredDuringSchedulingIgnoredDuringExecution: fc.array(selecting, { maxLength: 2 }),
          }),
        },
        { requiredKeys: [] },
      ),
      tolerations: fc.constant([{ key: 'a', operator: 'Exists' }]),
      topologySpreadConstraints: fc.array(
        selecting.map((each) => ({ ...each, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' })),
        { maxLength: 2 },
      ),
      hostname: fc.constant(secret),
      hostAliases: fc.constant([{ ip: '10.0.0.1', hostnames: [secret] }]),
      imagePullSecrets: fc.constant([{ name: secret }]),
      serviceAccountName: fc.constant('default'),
      runtimeClassName: fc.constant(secret),
      schedulerName: fc.constant('spillway'),
      dnsConfig: fc.constant({ searches: [secret] }),
      volumes: fc.constant([
        { name: secret, secret: { secretName: secret } },
        { name: 'tmp', emptyDir: {} },
      ]),
    },
    { requiredKeys: ['containers'] },
  ),
});

test('what is asked with › has the pod’s shape, and nothing of what the pod runs', () => {
  fc.assert(
    fc.property(pod, (given) => {
      fc.pre(portabilityVerdicts(given).length === 0);
      const travelling = portablePod(given);
      const { namespace = '', labels: own } = travelling.metadata;
      const spec = placingSpec(travelling);
      expect(JSON.stringify(spec)).not.toContain(secret);
      const asked: Pod = { metadata: { namespace, ...(own && { labels: own }) }, spec };
      expect(shapeOf(asked)).toEqual(shapeOf(travelling));
    }),
  );
});

/** A field added here is told to every neighbour that is asked: docs/security.md must list it. */
const toldOfPods = new Set([
  'containers',
  'initContainers',
  'overhead',
  'resources',
  'nodeSelector',
  'affinity',
  'tolerations',
  'topologySpreadConstraints',
]);
const toldOfContainers = new Set(['name', 'resources', 'ports', 'restartPolicy']);

test('what is asked with › has these fields and no other', () => {
  fc.assert(
    fc.property(pod, (given) => {
      const spec = placingSpec(portablePod(given));
      expect(Object.keys(spec).filter((field) => !toldOfPods.has(field))).toEqual([]);
      for (const each of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(Object.keys(each).filter((field) => !toldOfContainers.has(field))).toEqual([]);
        expect(Object.keys(each.resources ?? {})).toEqual(each.resources ? ['requests'] : []);
      }
    }),
  );
});
