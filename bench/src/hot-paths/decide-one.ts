import { parseQuantity, type Pod, podRequests, resourcesOf, valueOf } from '@spillway/core';
import { placePods } from '@spillway/scheduling';
import { bigCluster, node, nodeCount, plainShape, pod } from './big-cluster.ts';
import { assertBenchmarked, type HotPath } from './hot-path.ts';

/** Filter and score of one pod, all nodes looked at, none sampled. */
export const decideOne: HotPath = {
  name: 'filter and score',
  what: 'one plain pod, all of 5,000 nodes',
  baseline: 'each node from its objects: quantities parsed, its pods summed',
  perCall: { ours: 1, baseline: 1 },
  prepare() {
    const snapshot = bigCluster();
    const ours = () => placePods(snapshot, plainShape, 1);
    const pending = pod('pending');
    const objects = Array.from({ length: nodeCount }, (_, i) => ({
      node: node(i),
      pods: Array.from({ length: 10 }, (__, k) => pod(`pod-${i}-${k}`, `node-${i}`)),
    }));
    const baseline = () => naive(pending, objects);
    assertBenchmarked(ours().nodes.length === 1, 'a node is found');
    assertBenchmarked(baseline() === ours().nodes[0], 'both find the same node');
    return { ours, baseline };
  },
};

type Objects = readonly {
  readonly node: ReturnType<typeof node>;
  readonly pods: readonly Pod[];
}[];

/** Taints, resources and the least allocated node, straight from the API's objects. */
function naive(pending: Pod, objects: Objects): string | undefined {
  let best: { readonly name: string; readonly score: number } | undefined;
  for (const { node, pods } of objects) {
    if (node.spec?.taints?.some(({ effect }) => effect === 'NoSchedule')) continue;
    const asked = podRequests(pending);
    const { milliCpu, memoryBytes } = resourcesOf(node.status?.allocatable);
    if (valueOf(parseQuantity(node.status?.allocatable?.['pods'] ?? '0')) < pods.length + 1)
      continue;
    let [cpu, memory] = [asked.milliCpu, asked.memoryBytes];
    for (const each of pods) {
      const requests = podRequests(each);
      cpu += requests.milliCpu;
      memory += requests.memoryBytes;
    }
    if (cpu > milliCpu || memory > memoryBytes) continue;
    const score = ((milliCpu - cpu) / milliCpu + (memoryBytes - memory) / memoryBytes) * 50;
    const name = node.metadata.name ?? '';
    if (best === undefined || score > best.score || (score === best.score && name < best.name)) {
      best = { name, score };
    }
  }
  return best?.name;
}
