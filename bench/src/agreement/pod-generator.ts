/** Pods that use, each, one to four of the features that the stages of the pipeline look at. */
import type {
  Affinity,
  Container,
  LabelSelector,
  Pod,
  PodAffinityTerm,
  PodSpec,
  Random,
} from '@spillway/core';
import { claimsPerNamespace, Draw, type GeneratedCluster, zones } from './cluster-generator.ts';

type Spec = { -readonly [Field in keyof PodSpec]: PodSpec[Field] };

interface Draft {
  readonly draw: Draw;
  readonly cluster: GeneratedCluster;
  readonly labels: Record<string, string>;
  readonly container: { -readonly [Field in keyof Container]: Container[Field] };
  readonly spec: Spec;
}

/** By name, so that a report can say how often each was exercised. */
const features: Readonly<Record<string, (draft: Draft) => void>> = {
  'cpu and memory': ({ draw, container }) => ask(container, plainRequests(draw)),
  'more than any node has': ({ container }) => ask(container, { cpu: '40', memory: '90Gi' }),
  'ephemeral storage': ({ draw, container }) =>
    ask(container, { 'ephemeral-storage': draw.pick(['1Gi', '4Gi', '20Gi']) }),
  gpu: ({ draw, container }) => ask(container, { 'nvidia.com/gpu': `${1 + draw.below(3)}` }),
  'other device': ({ container }) => ask(container, { 'example.com/tpu': '1' }),
  'huge pages': ({ draw, container }) =>
    ask(container, { memory: '64Mi', 'hugepages-2Mi': draw.pick(['32Mi', '128Mi']) }),
  'odd quantities': ({ draw, container }) =>
    ask(container, {
      cpu: draw.pick(['0.1', '1e-1', '333m', '1.0005']),
      memory: draw.pick(['1e8', '0.1Gi', '128974848', '1500000k', '400M', '123.4Mi']),
    }),
  'init container': ({ draw, spec }) => addInit(spec, 'starts', plainRequests(draw), false),
  sidecar: ({ draw, spec }) => {
    addInit(spec, 'side', plainRequests(draw), true);
    if (draw.chance(50)) addInit(spec, 'after', plainRequests(draw), false);
  },
  'second container': ({ draw, spec }) => {
    spec.containers = [
      ...spec.containers,
      { name: 'two', image: 'none', resources: { requests: plainRequests(draw) } },
    ];
  },
  overhead: ({ spec }) => {
    spec['runtimeClassName'] = 'padded';
  },
  'pod-level resources': ({ draw, spec, container }) => {
    ask(container, { cpu: '50m', memory: '16Mi' });
    spec.resources = {
      requests: { cpu: draw.pick(['700m', '3']), memory: draw.pick(['600Mi', '3Gi']) },
    };
  },
  'hostname override': ({ spec }) => {
    spec['hostnameOverride'] = 'web.example.com';
  },
  'node selector': ({ draw, spec }) => {
    spec.nodeSelector = draw.pick([
      { disk: 'ssd' },
      { disk: 'hdd' },
      { 'topology.kubernetes.io/zone': draw.pick(zones) },
    ]);
  },
  'node affinity': ({ draw, spec }) => {
    const expression = draw.pick([
      { key: 'disk', operator: 'In', values: ['ssd', 'tape'] },
      { key: 'disk', operator: 'NotIn', values: ['hdd'] },
      { key: 'generation', operator: 'Gt', values: ['4'] },
      { key: 'generation', operator: 'Lt', values: ['6'] },
      { key: 'disk', operator: 'Exists' },
      { key: 'disk', operator: 'DoesNotExist' },
    ]);
    const other = {
      key: 'topology.kubernetes.io/zone',
      operator: 'In',
      values: [draw.pick(zones)],
    };
    const terms = draw.chance(50)
      ? [{ matchExpressions: [expression, other] }]
      : [{ matchExpressions: [expression] }, { matchExpressions: [other] }];
    mergeAffinity(spec, {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
        ...(draw.chance(40) && {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [other] } },
          ],
        }),
      },
    });
  },
  'named nodes': ({ draw, spec, cluster }) => {
    const name = (): string => draw.pick(cluster.nodes).metadata.name ?? '';
    const field = (operator: string, value: string) => ({
      key: 'metadata.name',
      operator,
      values: [value],
    });
    const [one, two] = [name(), name()];
    const terms = draw.pick([
      [{ matchFields: [field('In', one)] }],
      [{ matchFields: [field('In', one)] }, { matchFields: [field('In', two)] }],
      [{ matchFields: [field('NotIn', one)] }],
      [{ matchFields: [field('In', 'nowhere')] }],
      [{ matchFields: [field('In', one), field('In', 'nowhere')] }],
    ]);
    mergeAffinity(spec, {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
      },
    });
  },
  tolerations: ({ draw, spec }) => {
    spec.tolerations = draw.pick([
      [{ key: 'dedicated', operator: 'Equal', value: 'ml', effect: 'NoSchedule' }],
      [{ key: 'dedicated', operator: 'Exists' }],
      [{ key: 'dedicated', value: 'web' }],
      [{ operator: 'Exists' }],
      [{ key: 'flaky', operator: 'Exists', effect: 'NoExecute' }],
      [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }],
    ]);
  },
  'host port': ({ draw, container }) => {
    const hostIP = draw.pick(['', '', '127.0.0.1', '10.0.0.1']);
    container.ports = [
      {
        containerPort: 80,
        hostPort: draw.pick([8080, 8081]),
        protocol: draw.pick(['TCP', 'TCP', 'UDP']),
        ...(hostIP !== '' && { hostIP }),
      },
    ];
  },
  'topology spread': ({ draw, spec, labels }) => {
    const policies = draw.pick([
      {},
      { nodeTaintsPolicy: 'Honor' },
      { nodeAffinityPolicy: 'Ignore' },
      { nodeAffinityPolicy: 'Ignore', nodeTaintsPolicy: 'Honor' },
      { matchLabelKeys: ['version'] },
    ]);
    const selector = draw.pick<LabelSelector>([
      { matchLabels: { app: labels['app'] ?? '' } },
      { matchLabels: { app: labels['app'] ?? '' } },
      { matchExpressions: [{ key: 'app', operator: 'In', values: ['api', 'web'] }] },
      {},
    ]);
    const constraint = (topologyKey: string) => ({
      maxSkew: 1 + draw.below(2),
      topologyKey,
      whenUnsatisfiable: draw.chance(80) ? 'DoNotSchedule' : 'ScheduleAnyway',
      labelSelector: selector,
      ...policies,
    });
    const zone = constraint('topology.kubernetes.io/zone');
    const hard = zone.whenUnsatisfiable === 'DoNotSchedule';
    spec.topologySpreadConstraints = [
      { ...zone, ...(hard && draw.chance(25) && { minDomains: 2 + draw.below(3) }) },
      ...(draw.chance(40) ? [constraint('kubernetes.io/hostname')] : []),
    ];
  },
  'pod affinity': ({ draw, spec, labels }) => {
    mergeAffinity(spec, {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          affinityTerm(draw, labels),
          ...(draw.chance(25) ? [affinityTerm(draw, labels)] : []),
        ],
      },
    });
  },
  'pod anti-affinity': ({ draw, spec, labels }) => {
    mergeAffinity(spec, {
      podAntiAffinity: draw.chance(80)
        ? { requiredDuringSchedulingIgnoredDuringExecution: [affinityTerm(draw, labels)] }
        : {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 50, podAffinityTerm: affinityTerm(draw, labels) },
            ],
          },
    });
  },
  claim: ({ draw, spec }) => {
    // The first four of a namespace are odd ones (not bound, prebound, lost, without volume).
    const index = draw.chance(20) ? draw.below(4) : 4 + draw.below(claimsPerNamespace - 4);
    const claimName = draw.chance(5) ? 'no-such-claim' : `claim-${index}`;
    spec.volumes = [{ name: 'data', persistentVolumeClaim: { claimName } }];
  },
};

export interface GeneratedPod {
  readonly pod: Pod;
  readonly features: readonly string[];
}

export const featureNames = Object.keys(features);

export function generatePod(random: Random, cluster: GeneratedCluster, name: string): GeneratedPod {
  const draw = new Draw(random);
  const labels: Record<string, string> = { app: draw.pick(['api', 'web', 'batch']) };
  if (draw.chance(40)) labels['version'] = draw.pick(['1', '2']);
  const container: Draft['container'] = { name: 'one', image: 'none' };
  const spec: Spec = { containers: [container], terminationGracePeriodSeconds: 0 };
  const draft: Draft = { draw, cluster, labels, container, spec };
  if (draw.chance(60)) ask(container, { cpu: '50m', memory: '32Mi' });
  const chosen = new Set<string>();
  for (let wanted = 1 + draw.below(4); wanted > 0; wanted--) chosen.add(draw.pick(featureNames));
  // A pod that no node could ever hold hides what other features would have said.
  if (chosen.has('more than any node has') && draw.chance(70))
    chosen.delete('more than any node has');
  for (const feature of chosen) features[feature]?.(draft);
  const namespace = draw.pick(cluster.namespaces).metadata.name ?? '';
  return { pod: { metadata: { name, namespace, labels }, spec }, features: [...chosen] };
}

function plainRequests(draw: Draw): Record<string, string> {
  return {
    cpu: draw.pick(['100m', '250m', '500m', '1', '2500m']),
    memory: draw.pick(['64Mi', '200Mi', '512Mi', '1Gi', '2500Mi']),
  };
}

/** Devices and huge pages must have limits equal to their requests. */
function ask(container: Draft['container'], amounts: Record<string, string>): void {
  const requests = { ...container.resources?.requests, ...amounts };
  const limits = Object.entries(requests).filter(([name]) => /\/|^hugepages-/.test(name));
  container.resources = {
    requests,
    ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
  };
}

function addInit(
  spec: Spec,
  name: string,
  requests: Record<string, string>,
  sidecar: boolean,
): void {
  spec.initContainers = [
    ...(spec.initContainers ?? []),
    { name, image: 'none', resources: { requests }, ...(sidecar && { restartPolicy: 'Always' }) },
  ];
}

function mergeAffinity(spec: Spec, more: Affinity): void {
  spec.affinity = { ...spec.affinity, ...more };
}

function affinityTerm(draw: Draw, labels: Record<string, string>): PodAffinityTerm {
  const own = labels['app'] ?? '';
  const namespaces = draw.pick<Partial<PodAffinityTerm>>([
    {},
    {},
    { namespaceSelector: {} },
    { namespaceSelector: { matchLabels: { tier: 'gold' } } },
    {
      namespaceSelector: {
        matchExpressions: [
          draw.pick([
            { key: 'team', operator: 'NotIn', values: ['red'] },
            { key: 'owner', operator: 'DoesNotExist' },
            { key: 'tier', operator: 'Exists' },
          ]),
        ],
      },
    },
  ]);
  const keys = draw.pick<Partial<PodAffinityTerm>>([
    {},
    {},
    {},
    { matchLabelKeys: ['version'] },
    { mismatchLabelKeys: ['version'] },
  ]);
  return {
    topologyKey: draw.pick(['kubernetes.io/hostname', 'topology.kubernetes.io/zone']),
    labelSelector: {
      matchLabels: { app: draw.chance(60) ? own : draw.pick(['api', 'web', 'batch']) },
    },
    ...namespaces,
    ...keys,
  };
}
