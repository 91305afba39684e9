import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from './kubernetes-objects.ts';
import { shapeOf } from './shape.ts';

const container = { name: 'c', resources: { requests: { cpu: '1', memory: '1Gi' } } };
const restartsAll = { restartPolicyRules: [{ action: 'RestartAllContainers' }] };
const mountsWithOptions = {
  volumeMounts: [{ name: 'v', mountPath: '/v', bindMountOptions: ['noexec'] }],
};
const tokenVolume = (name: string) => ({ name, projected: { sources: [] } });

describe('shapeOf', () => {
  it('gives the pods of one controller one shape', () => {
    const one = podOf({ volumes: [tokenVolume('kube-api-access-a')] }, 'pod-a');
    const two = podOf({ volumes: [tokenVolume('kube-api-access-b')] }, 'pod-b');
    expect(shapeOf(two)).toBe(shapeOf(one));
  });

  it('gives equal keys to what is written differently and means the same', () => {
    const one = podOf({ nodeSelector: { a: '1', b: '2' }, containers: [container] });
    const two = podOf({
      nodeSelector: { b: '2', a: '1' },
      containers: [{ name: 'd', resources: { requests: { memory: '1024Mi', cpu: '1000m' } } }],
    });
    expect(shapeOf(two).key).toBe(shapeOf(one).key);
  });

  it.each<[string, Partial<PodSpec>]>([
    ['requests', { containers: [{ name: 'c' }] }],
    ['overhead', { overhead: { cpu: '1m' } }],
    ['pod-level requests', { resources: { requests: { cpu: '3' } } }],
    ['init containers', { initContainers: [{ name: 'i', resources: { requests: { cpu: '2' } } }] }],
    ['host ports', { containers: [{ ...container, ports: [{ containerPort: 1, hostPort: 1 }] }] }],
    ['node name', { nodeName: 'n' }],
    ['node selector', { nodeSelector: { a: '1' } }],
    ['affinity', { affinity: { podAffinity: {} } }],
    ['tolerations', { tolerations: [{ operator: 'Exists' }] }],
    [
      'spread',
      {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' },
        ],
      },
    ],
    ['claims', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }],
    ['scheduling gates', { schedulingGates: [{ name: 'g' }] }],
    ['resource claims', { resourceClaims: [{ name: 'gpu' }] }],
    ['ephemeral claims', { volumes: [{ name: 'v', ephemeral: {} }] }],
    ['scheduling group', { schedulingGroup: {} }],
    ['workload', { workloadRef: { name: 'w', podGroup: 'g' } }],
    ['user namespaces', { hostUsers: false, hostNetwork: true }],
    ['restart rules', { containers: [{ ...container, ...restartsAll }] }],
    ['bind mount options', { containers: [{ ...container, ...mountsWithOptions }] }],
    [
      'bind mount options of init containers',
      { initContainers: [{ name: 'i', ...mountsWithOptions }] },
    ],
  ])('tells pods apart by their %s', (_what, spec) => {
    expect(shapeOf(podOf(spec)).key).not.toBe(shapeOf(podOf({})).key);
  });

  it('tells pods apart by namespace and labels', () => {
    const keys = [
      podOf({}),
      { ...podOf({}), metadata: { namespace: 'other' } },
      { ...podOf({}), metadata: { labels: { app: 'x' } } },
    ].map((pod) => shapeOf(pod).key);
    expect(new Set(keys).size).toBe(3);
  });

  it('names the claim of an ephemeral volume after the pod, which must own it', () => {
    const spec = { volumes: [{ name: 'v', ephemeral: {} }] };
    const [one, two] = [shapeOf(podOf(spec, 'one')), shapeOf(podOf(spec, 'two'))];
    expect(one.claims).toEqual([{ name: 'one-v', ownerUid: 'one' }]);
    expect(two.key).not.toBe(one.key);
  });

  it.each<[string, Partial<PodSpec>]>([
    ['pod has scheduling gates', { schedulingGates: [{ name: 'g' }] }],
    ['pod has resource claims (DRA)', { resourceClaims: [{ name: 'gpu' }] }],
    ['pod has a volume of kind iscsi', { volumes: [{ name: 'v', iscsi: {} }] }],
    ['pod belongs to a scheduling group', { schedulingGroup: {} }],
    ['pod belongs to a scheduling group', { workloadRef: { name: 'w', podGroup: 'g' } }],
    [
      "pod has a user namespace of its own on its node's network",
      { hostUsers: false, hostNetwork: true },
    ],
    [
      'pod has a container that restarts all containers',
      { containers: [{ ...container, ...restartsAll }] },
    ],
    [
      'pod mounts a volume with bind mount options',
      { containers: [{ ...container, ...mountsWithOptions }] },
    ],
    [
      'pod asks for deviceclass.resource.kubernetes.io/gpu.example.com (DRA)',
      {
        containers: [
          {
            name: 'c',
            resources: { requests: { 'deviceclass.resource.kubernetes.io/gpu.example.com': 1 } },
          },
        ],
      },
    ],
  ])('says of what it can not judge: %s', (reason, spec) => {
    expect(shapeOf(podOf(spec)).unsupported).toEqual([
      { code: 'Unsupported', reason, stage: 'Unsupported' },
    ]);
  });

  it('counts the host ports of containers and sidecars, not of init containers', () => {
    const at = (hostPort: number) => ({
      name: `${hostPort}`,
      ports: [{ containerPort: 80, hostPort }],
    });
    const shape = shapeOf(
      podOf({
        containers: [at(1), { name: 'none', ports: [{ containerPort: 80 }] }],
        initContainers: [at(2), { ...at(3), restartPolicy: 'Always' }],
      }),
    );
    expect(shape.hostPorts).toEqual([
      { ip: '0.0.0.0', protocol: 'TCP', port: 1 },
      { ip: '0.0.0.0', protocol: 'TCP', port: 3 },
    ]);
  });
});

function podOf(spec: Partial<PodSpec>, name = 'pod'): Pod {
  return { metadata: { name, uid: name }, spec: { containers: [container], ...spec } };
}
