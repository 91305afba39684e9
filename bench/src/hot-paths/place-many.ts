import type { PodUid } from '@spillway/core';
import { placePods } from '@spillway/scheduling';
import { bigCluster, plainShape, pod } from './big-cluster.ts';
import { assertBenchmarked, type HotPath } from './hot-path.ts';

const many = 10_000;
const few = 20;

/** Decided together, and each placement counted on in the snapshot. */
export const placeMany: HotPath = {
  name: 'placement',
  what: '10,000 plain pods on 5,000 nodes, per pod',
  baseline: 'each pod decided alone',
  perCall: { ours: many, baseline: few },
  prepare() {
    const snapshot = bigCluster();
    const uids = Array.from({ length: many }, (_, i) => `placed-${i}`);
    const ours = () => {
      let after = snapshot;
      for (const [i, name] of placePods(snapshot, plainShape, many).nodes.entries()) {
        after = after.withPod(pod(uids[i] ?? '', name));
      }
      return after;
    };
    const baseline = () => {
      let after = snapshot;
      for (const uid of uids.slice(0, few)) {
        const [name] = placePods(after, plainShape, 1).nodes;
        if (name !== undefined) after = after.withPod(pod(uid, name));
      }
      return after;
    };
    const [together, alone] = [ours(), baseline()];
    assertBenchmarked(together.podCount === snapshot.podCount + many, 'all are placed');
    const same = uids
      .slice(0, few)
      .every((uid) => together.pod(uid as PodUid)?.node === alone.pod(uid as PodUid)?.node);
    assertBenchmarked(same, 'together they go where they would go alone');
    return { ours, baseline };
  },
};
