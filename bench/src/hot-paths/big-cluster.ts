/** A cluster of 5,000 nodes with ten pods on each, as the API server would tell of it. */
import { type Node, type Pod, shapeOf } from '@spillway/core';
import { Snapshot } from '@spillway/scheduling';

export const nodeCount = 5_000;
const podsPerNode = 10;
const zones = ['a', 'b', 'c'];

export function node(i: number): Node {
  const resources = { cpu: '16', memory: '64Gi', pods: '110', 'ephemeral-storage': '100Gi' };
  return {
    metadata: {
      name: `node-${i}`,
      uid: `node-${i}`,
      labels: {
        'kubernetes.io/hostname': `node-${i}`,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/zone': zones[i % zones.length] ?? '',
      },
    },
    spec: { taints: i % 50 === 0 ? [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] : [] },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

/** `onNode` undefined: pending. */
export function pod(name: string, onNode?: string): Pod {
  return {
    metadata: { name, namespace: 'shop', uid: name, labels: { app: 'web' } },
    spec: {
      ...(onNode !== undefined && { nodeName: onNode }),
      containers: [
        { name: 'main', image: 'web', resources: { requests: { cpu: '250m', memory: '512Mi' } } },
      ],
    },
  };
}

export const plainShape = shapeOf(pod('pending'));

let built: Snapshot | undefined;

/** Built once; it is immutable. */
export function bigCluster(): Snapshot {
  if (built !== undefined) return built;
  let snapshot = Snapshot.empty;
  for (let i = 0; i < nodeCount; i++) {
    snapshot = snapshot.withNode(node(i));
    for (let k = 0; k < podsPerNode; k++) {
      snapshot = snapshot.withPod(pod(`pod-${i}-${k}`, `node-${i}`));
    }
  }
  built = snapshot;
  return snapshot;
}
