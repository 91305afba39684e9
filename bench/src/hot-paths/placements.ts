/** Batches placed on 5,000 nodes, each placement counted on in the snapshot that the next batch sees. */
import { type Pod, type PodUid, shapeOf } from '@spillway/core';
import { placePods, type Snapshot } from '@spillway/scheduling';
import { bigCluster, pod } from './big-cluster.ts';
import { assertBenchmarked, type HotPath } from './hot-path.ts';

/** Number of pods that the baseline decides alone: enough for a mean, few enough to wait for. */
const few = 20;

export const placePlain: HotPath = placement({
  name: 'plain pods',
  what: '10,000 pods of one shape on 5,000 nodes, per pod',
  pods: () => Array.from({ length: 10_000 }, (_, i) => pod(`placed-${i}`)),
});

export const placeMixed: HotPath = placement({
  name: 'mixed pods',
  what: '10,000 pods of 50 shapes on 5,000 nodes, decided shape by shape, per pod',
  pods: () =>
    Array.from({ length: 10_000 }, (_, i) => {
      const shape = Math.floor(i / 200);
      return of(i, {
        requests: { cpu: `${100 + 20 * (shape % 10)}m`, memory: `${128 * (1 + (shape % 5))}Mi` },
        labels: { app: `app-${shape}` },
        ...(shape % 5 === 0 && {
          spec: { nodeSelector: { 'topology.kubernetes.io/zone': 'abc'[shape % 3] ?? 'a' } },
        }),
      });
    }),
});

export const placeSpread: HotPath = placement({
  name: 'spread pods',
  what: '1,000 pods spread over 3 zones (DoNotSchedule) on 5,000 nodes, per pod',
  pods: () =>
    Array.from({ length: 1_000 }, (_, i) =>
      of(i, {
        labels: { app: 'spread' },
        spec: {
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: { app: 'spread' } },
            },
          ],
        },
      }),
    ),
});

export const placeApart: HotPath = placement({
  name: 'pods apart',
  what: '1,000 pods, no two on one node (required anti-affinity), on 5,000 nodes, per pod',
  pods: () =>
    Array.from({ length: 1_000 }, (_, i) =>
      of(i, {
        labels: { app: 'apart' },
        spec: {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                {
                  topologyKey: 'kubernetes.io/hostname',
                  labelSelector: { matchLabels: { app: 'apart' } },
                },
              ],
            },
          },
        },
      }),
    ),
});

function placement(of: {
  readonly name: string;
  readonly what: string;
  readonly pods: () => readonly Pod[];
}): HotPath {
  const pods = of.pods();
  return {
    name: of.name,
    what: of.what,
    baseline: 'each pod decided alone',
    perCall: { ours: pods.length, baseline: few },
    prepare() {
      const snapshot = bigCluster();
      const ours = () => placedByShape(snapshot, pods);
      const baseline = () => {
        let after = snapshot;
        for (const each of pods.slice(0, few)) {
          const [name] = placePods(after, shapeOf(each), 1).nodes;
          if (name !== undefined) after = after.withPod(bound(each, name));
        }
        return after;
      };
      const [together, alone] = [ours(), baseline()];
      assertBenchmarked(together.podCount === snapshot.podCount + pods.length, 'all are placed');
      const same = pods.slice(0, few).every(({ metadata }) => {
        const uid = metadata.uid as PodUid;
        return together.pod(uid)?.node === alone.pod(uid)?.node;
      });
      assertBenchmarked(same, 'together they go where they would go alone');
      return { ours, baseline };
    },
  };
}

function placedByShape(snapshot: Snapshot, pods: readonly Pod[]): Snapshot {
  const groups = new Map<string, Pod[]>();
  for (const each of pods) {
    const { key } = shapeOf(each);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  let after = snapshot;
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    for (const [i, name] of placePods(after, shapeOf(first), group.length).nodes.entries()) {
      after = after.withPod(bound(group[i] ?? first, name));
    }
  }
  return after;
}

function of(
  i: number,
  parts: {
    readonly labels: Readonly<Record<string, string>>;
    readonly requests?: Readonly<Record<string, string>>;
    readonly spec?: Partial<Pod['spec']>;
  },
): Pod {
  const { metadata, spec } = pod(`placed-${i}`);
  const containers = spec.containers.map((container) =>
    parts.requests === undefined
      ? container
      : { ...container, resources: { requests: parts.requests } },
  );
  return {
    metadata: { ...metadata, labels: parts.labels },
    spec: { ...spec, ...parts.spec, containers },
  };
}

function bound({ metadata, spec }: Pod, nodeName: string): Pod {
  return { metadata, spec: { ...spec, nodeName } };
}
