import type { PodUid } from '@spillway/core';
import { bigCluster, nodeCount, pod } from './big-cluster.ts';
import { assertBenchmarked, type HotPath } from './hot-path.ts';

/** One watch event: a pod appears on one of 5,000 nodes. */
export const snapshotUpdate: HotPath = {
  name: 'snapshot update',
  what: 'one pod appears on one of 5,000 nodes',
  baseline: 'the map of nodes copied',
  perCall: { ours: 1, baseline: 1 },
  prepare() {
    const snapshot = bigCluster();
    const pods = Array.from({ length: 1_000 }, (_, i) => pod(`new-${i}`, `node-${i * 5}`));
    const nodes = new Map([...snapshot.nodes()].map((node) => [node.name, node]));
    const [first] = nodes.keys();
    let turn = 0;
    const ours = () => snapshot.withPod(pods[turn++ % pods.length] ?? pod('new'));
    const baseline = () => {
      const next = new Map(nodes);
      const state = first && next.get(first);
      if (state !== undefined) next.set(state.name, { ...state, podCount: state.podCount + 1 });
      return next;
    };
    const after = ours();
    assertBenchmarked(after.pod('new-0' as PodUid) !== undefined, 'the new snapshot has the pod');
    assertBenchmarked(snapshot.pod('new-0' as PodUid) === undefined, 'the old one has not');
    assertBenchmarked(baseline().size === nodeCount, 'the copy is whole');
    return { ours, baseline };
  },
};
