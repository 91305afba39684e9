import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec, ResourceList } from './kubernetes-objects.ts';
import { placedRequests, podRequests, podScoringRequests } from './pod-requests.ts';

const mebi = 1024 * 1024;

describe('podRequests', () => {
  it('adds containers up', () => {
    const pod = podOf({ containers: [asking({ cpu: '250m' }), asking({ cpu: 1, memory: '1Mi' })] });
    expect(podRequests(pod)).toMatchObject({ milliCpu: 250 + 1000, memoryBytes: mebi });
  });

  it('rounds the sum up, not each part', () => {
    const half = asking({ memory: '500m' });
    expect(podRequests(podOf({ containers: [half, half] })).memoryBytes).toBe(1);
  });

  it('takes the greater of what runs and what starts', () => {
    const pod = podOf({
      containers: [asking({ cpu: 1, memory: '100Mi' }), asking({ cpu: 1, memory: '100Mi' })],
      initContainers: [asking({ cpu: 3, memory: '50Mi' }), asking({ cpu: 2, memory: '300Mi' })],
    });
    // CPU: max(1 + 1, 3, 2); memory: max(100 + 100, 50, 300).
    expect(podRequests(pod)).toMatchObject({ milliCpu: 3000, memoryBytes: 300 * mebi });
  });

  it('counts sidecars beside everything that starts after them', () => {
    const pod = podOf({
      containers: [asking({ cpu: 2 })],
      initContainers: [
        asking({ cpu: 4 }),
        sidecar({ cpu: 1 }),
        asking({ cpu: 3 }),
        sidecar({ cpu: '500m' }),
      ],
    });
    // Starting: 4; then 1; then 1 + 3; then 1 + 0.5. Running: 2 + 1 + 0.5.
    expect(podRequests(pod).milliCpu).toBe(4000);
  });

  it('lets pod-level requests override CPU, memory and huge pages, and nothing else', () => {
    const pod = podOf({
      containers: [
        asking({ cpu: 1, 'hugepages-2Mi': '4Mi', 'nvidia.com/gpu': 1, 'ephemeral-storage': 5 }),
      ],
      resources: { requests: { cpu: 2, memory: '64Mi', 'hugepages-2Mi': '8Mi' } },
    });
    const requests = podRequests(pod);
    expect(requests).toMatchObject({
      milliCpu: 2000,
      memoryBytes: 64 * mebi,
      ephemeralStorageBytes: 5,
    });
    expect(Object.fromEntries(requests.extended)).toEqual({
      'hugepages-2Mi': 8 * mebi,
      'nvidia.com/gpu': 1,
    });
  });

  it('adds overhead on top, of pod-level requests too', () => {
    const overhead = { cpu: '250m', memory: '1Mi' };
    const pod = podOf({
      containers: [asking({ cpu: 1 })],
      overhead,
      resources: { requests: { cpu: 2 } },
    });
    expect(podRequests(pod)).toMatchObject({ milliCpu: 2250, memoryBytes: mebi });
  });

  it('never holds a zero of an extended resource', () => {
    const pod = podOf({ containers: [asking({ 'nvidia.com/gpu': '0' })] });
    expect(podRequests(pod).extended.size).toBe(0);
  });
});

describe('podScoringRequests', () => {
  it('assumes 100m and 200Mi for each container that asks nothing', () => {
    const pod = podOf({ containers: [asking({}), asking({ cpu: 0 })] });
    // CPU: 100 + 0, since an explicit zero counts; memory: twice 200 Mi.
    expect(podScoringRequests(pod)).toMatchObject({ milliCpu: 100, memoryBytes: 400 * mebi });
  });
});

describe('placedRequests', () => {
  const wanted = podOf({ containers: [asking({ cpu: 1 }, 'one')] });
  const resized = (has: ResourceList, allocated: ResourceList, reason?: string): Pod => ({
    ...wanted,
    status: {
      containerStatuses: [
        {
          name: 'one',
          ready: true,
          restartCount: 0,
          image: '',
          imageID: '',
          resources: { requests: has },
          allocatedResources: allocated,
        },
      ],
      ...(reason !== undefined && {
        conditions: [{ type: 'PodResizePending', status: 'True', reason }],
      }),
    },
  });

  it('counts the greater of what a pod has, was granted and wants', () => {
    expect(placedRequests(resized({ cpu: 3 }, { cpu: 2 })).requests.milliCpu).toBe(3000);
    expect(placedRequests(resized({ cpu: '500m' }, { cpu: '500m' })).requests.milliCpu).toBe(1000);
  });

  it('counts a resize of an init container that has not ended (1.36)', () => {
    const pod = podOf({
      containers: [asking({ cpu: 1 }, 'one')],
      initContainers: [asking({ cpu: 2 }, 'starts')],
    });
    const status = {
      initContainerStatuses: [
        {
          name: 'starts',
          ready: false,
          restartCount: 0,
          image: '',
          imageID: '',
          resources: { requests: { cpu: 3 } },
        },
      ],
    };
    expect(placedRequests({ ...pod, status }).requests.milliCpu).toBe(3000);
  });

  it('does not count the wish of a resize that is infeasible', () => {
    const pod = resized({ cpu: '500m' }, { cpu: '600m' }, 'Infeasible');
    expect(placedRequests(pod).requests.milliCpu).toBe(600);
  });

  it('counts what the kubelet reports of the whole pod, where that is more', () => {
    const status = (has: ResourceList, granted: ResourceList): Pod => ({
      ...wanted,
      status: { resources: { requests: has }, allocatedResources: granted },
    });
    expect(placedRequests(status({ cpu: '500m' }, { cpu: 2 })).requests.milliCpu).toBe(2000);
    expect(placedRequests(status({ cpu: 3 }, { cpu: 2 })).requests.milliCpu).toBe(3000);
    expect(placedRequests(status({ cpu: '10m' }, {})).requests.milliCpu).toBe(1000);
  });

  it('counts overhead beside what the kubelet reports, which has it already, as 1.37 does', () => {
    const pod: Pod = {
      ...wanted,
      spec: { ...wanted.spec, overhead: { cpu: '250m' } },
      status: { resources: { requests: { cpu: 1 } }, allocatedResources: { cpu: '1250m' } },
    };
    expect(placedRequests(pod).requests.milliCpu).toBe(1500);
  });

  it('counts the greatest of the pod-level requests that a pod has, was granted and wants', () => {
    const podLevel = (has: ResourceList, granted: ResourceList, reason?: string): Pod => ({
      ...wanted,
      spec: { ...wanted.spec, resources: { requests: { cpu: 4 } } },
      status: {
        resources: { requests: has },
        allocatedResources: granted,
        ...(reason !== undefined && {
          conditions: [{ type: 'PodResizePending', status: 'True', reason }],
        }),
      },
    });
    expect(placedRequests(podLevel({ cpu: 2 }, { cpu: 3 })).requests.milliCpu).toBe(4000);
    expect(placedRequests(podLevel({ cpu: 2 }, { cpu: 5 })).requests.milliCpu).toBe(5000);
    const infeasible = podLevel({ cpu: 2 }, { cpu: 3 }, 'Infeasible');
    expect(placedRequests(infeasible).requests.milliCpu).toBe(3000);
  });

  it.each<[string, Record<string, unknown>]>([
    ['1.36', { resources: { cpu: '1500m', memory: '1Mi' } }],
    [
      '1.37',
      {
        mapping: [{ name: 'cpu', quantity: '1' }],
        // Two containers use it: 100 + 2 × 200.
        overhead: [
          { name: 'cpu', perPod: '100m', perContainer: '200m' },
          { name: 'memory', perPod: '1Mi' },
        ],
      },
    ],
  ])('counts what claims take of the node beside the containers, as %s says it', (_, claim) => {
    const claims = [{ resourceClaimName: 'c', containers: ['one', 'two'], ...claim }];
    const pod = { ...wanted, status: { nodeAllocatableResourceClaimStatuses: claims } };
    expect(placedRequests(pod).requests).toMatchObject({ milliCpu: 2500, memoryBytes: mebi });
  });

  it('counts what the spec asks while the kubelet reports nothing', () => {
    expect(placedRequests({ ...wanted, status: { phase: 'Running' } }).requests.milliCpu).toBe(
      1000,
    );
  });
});

function podOf(spec: PodSpec): Pod {
  return { metadata: { name: 'pod' }, spec };
}

function asking(requests: ResourceList, name = 'c'): Container {
  return { name, resources: { requests } };
}

function sidecar(requests: ResourceList): Container {
  return { ...asking(requests), restartPolicy: 'Always' };
}
