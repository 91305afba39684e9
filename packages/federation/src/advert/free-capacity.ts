/**
 * Free capacity as an advert shows it, and how many pods of a shape fit into it. It is counted per node and
 * never as a sum: four nodes with one free CPU each do not fit a pod that requests two.
 */
import { type PodShape, plus, type Resources, type Taint } from '@spillway/core';
import {
  type KeepFree,
  keptOn,
  matchesNodeSelection,
  type NodeState,
  type Snapshot,
  untoleratedTaint,
} from '@spillway/scheduling';
import type { Amounts, NodeClass, FreeCapacity, CapacityBin } from './advert.ts';

export const capacityBounds = Object.freeze({
  binsMax: 64,
  nodeClassesMax: 16,
  labelsPerClassMax: 16,
});

export interface FreeCapacityOptions {
  readonly keepFree?: KeepFree;
}

/** Labels that other clusters' pods may select by; those that tell nodes apart one by one are left out. */
const advertisedPrefixes = [
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/',
  'nvidia.com/gpu.product',
  'spillway.dev/',
];

/** What `snapshot` has free for guests. Cost: nodes × extended resources, plus a sort of the bins; a node's labels are read when it changes. */
export function freeCapacityOf(
  snapshot: Snapshot,
  options: FreeCapacityOptions = {},
): FreeCapacity {
  const classes: NodeClass[] = [];
  const classIndex = new Map<string, number>();
  const bins = new Map<string, { bin: CapacityBin; nodes: number }>();
  for (const node of snapshot.nodes()) {
    if (!node.exists || node.virtual || node.unschedulable) continue;
    const free = freeOn(node, options.keepFree);
    if (free.pods <= 0) continue;
    const nodeClass = classOf(node, classes, classIndex);
    const key = `${nodeClass}|${amountsKey(free)}`;
    const known = bins.get(key);
    if (known === undefined) bins.set(key, { bin: { nodeClass, nodes: 1, free }, nodes: 1 });
    else known.nodes += 1;
  }
  const exact = [...bins.values()].map(({ bin, nodes }) => ({ ...bin, nodes }));
  return { classes, bins: exact.length > capacityBounds.binsMax ? merged(exact) : exact };
}

/** Sums over all nodes, for people to look at. */
export function capacityTotals(snapshot: Snapshot): {
  readonly allocatable: Amounts;
  readonly free: Amounts;
} {
  let allocatable = noAmounts;
  let free = noAmounts;
  for (const node of snapshot.nodes()) {
    if (!node.exists || node.virtual) continue;
    allocatable = added(allocatable, { ...node.allocatable, pods: node.allocatablePods });
    if (!node.unschedulable) free = added(free, freeOn(node, undefined));
  }
  return { allocatable, free };
}

/** How many pods of `shape` fit. Exact where no bins were merged and no label is missing. O(classes + bins). */
export function fitCount(capacity: FreeCapacity, shape: PodShape): number {
  const perNode = fitCountPerNode(capacity, shape);
  return capacity.bins.reduce((fits, { nodes }, i) => fits + nodes * (perNode[i] ?? 0), 0);
}

/** What is left when `count` pods of `shape` have come, as many as fit: node by node, the first that fits. */
export function freeCapacityWithout(
  capacity: FreeCapacity,
  shape: PodShape,
  count: number,
): FreeCapacity {
  const fits = fitCountPerNode(capacity, shape);
  const bins: CapacityBin[] = [];
  let left = count;
  for (const [i, bin] of capacity.bins.entries()) {
    const perNode = fits[i] ?? 0;
    const full = perNode === 0 ? 0 : Math.min(bin.nodes, Math.floor(left / perNode));
    const some = perNode > 0 && full < bin.nodes ? left - full * perNode : 0;
    const untouched = bin.nodes - full - (some > 0 ? 1 : 0);
    if (full > 0) bins.push({ ...bin, nodes: full, free: freeWithout(bin.free, shape, perNode) });
    if (some > 0) bins.push({ ...bin, nodes: 1, free: freeWithout(bin.free, shape, some) });
    if (untouched > 0) bins.push({ ...bin, nodes: untouched });
    left -= full * perNode + some;
  }
  return { ...capacity, bins };
}

/** Of each bin: how often `shape` fits on one node of it. */
function fitCountPerNode(capacity: FreeCapacity, shape: PodShape): readonly number[] {
  const alone = shape.hostPorts.length > 0 || repelsItself(shape);
  const open = capacity.classes.map(
    (kind) =>
      untoleratedTaint(kind.taints, shape.tolerations) === undefined && mayBeSelected(shape, kind),
  );
  return capacity.bins.map(({ nodeClass, free }) => {
    if (!open[nodeClass]) return 0;
    const fits = fitCountIn(free, shape.requests);
    return alone ? Math.min(1, fits) : fits;
  });
}

function freeWithout(free: Amounts, { requests }: PodShape, count: number): Amounts {
  return { ...plus(free, requests, -count), pods: free.pods - count };
}

/** The free amounts that no other bin's surpass in every respect: the largest pods that still fit. */
export function largestFits(capacity: FreeCapacity): readonly Amounts[] {
  const frees = capacity.bins.map(({ free }) => free);
  return frees.filter(
    (free, i) =>
      !frees.some((other, j) => j !== i && covers(other, free) && (!covers(free, other) || j < i)),
  );
}

/** Free units of each extended resource, such as GPUs by kind. */
export function freeExtended(capacity: FreeCapacity): ReadonlyMap<string, number> {
  const free = new Map<string, number>();
  for (const bin of capacity.bins) {
    for (const [name, amount] of bin.free.extended) {
      free.set(name, (free.get(name) ?? 0) + amount * bin.nodes);
    }
  }
  return free;
}

/** Shapes that people think in, for tables: how often each still fits. */
export const commonShapes: readonly { readonly name: string; readonly requests: Resources }[] = [
  { name: '250m/256Mi', requests: ask(250, 256) },
  { name: '500m/512Mi', requests: ask(500, 512) },
  { name: '1/1Gi', requests: ask(1_000, 1_024) },
  { name: '2/4Gi', requests: ask(2_000, 4_096) },
  { name: '4/8Gi', requests: ask(4_000, 8_192) },
  { name: '1 GPU', requests: { ...ask(1_000, 1_024), extended: new Map([['nvidia.com/gpu', 1]]) } },
];

export function commonShapeFits(capacity: FreeCapacity): Readonly<Record<string, number>> {
  return Object.fromEntries(
    commonShapes.map(({ name, requests }) => {
      let fits = 0;
      for (const { nodes, free } of capacity.bins) fits += nodes * fitCountIn(free, requests);
      return [name, fits];
    }),
  );
}

export const noAmounts: Amounts = Object.freeze({
  milliCpu: 0,
  memoryBytes: 0,
  ephemeralStorageBytes: 0,
  pods: 0,
  extended: new Map<string, number>(),
});

function freeOn(node: NodeState, keepFree: KeepFree | undefined): Amounts {
  const kept = keptOn(node, keepFree);
  const free = plus(node.allocatable, node.requested, -1);
  const left = kept === undefined ? free : plus(free, kept, -1);
  return {
    milliCpu: Math.max(0, left.milliCpu),
    memoryBytes: Math.max(0, left.memoryBytes),
    ephemeralStorageBytes: Math.max(0, left.ephemeralStorageBytes),
    extended:
      left.extended.size === 0
        ? left.extended
        : new Map([...left.extended].filter(([, amount]) => amount > 0)),
    pods: Math.max(0, node.allocatablePods - node.podCount),
  };
}

function classOf(node: NodeState, classes: NodeClass[], index: Map<string, number>): number {
  const { labels, taints, key } = kindOf(node);
  const known = index.get(key);
  if (known !== undefined) return known;
  if (classes.length < capacityBounds.nodeClassesMax) {
    index.set(key, classes.length);
    return classes.push({ labels, taints }) - 1;
  }
  // There are too many kinds of node: the last class stands for the rest, with the taints of all. So by
  // estimate only pods that tolerate all of them are sent here. The host decides in any case.
  const last = classes.length - 1;
  const rest = classes[last];
  if (rest !== undefined) classes[last] = { labels: {}, taints: [...rest.taints, ...taints] };
  index.set(key, last);
  return last;
}

interface NodeKind extends NodeClass {
  readonly key: string;
  /** The node's own taints, as they were when this was made of them. */
  readonly from: NodeState['taints'];
}

/** By labels object: a node keeps it while only pods come and go, which is what rooms change by. */
const kinds = new WeakMap<NodeState['labels'], NodeKind>();

function kindOf(node: NodeState): NodeKind {
  const known = kinds.get(node.labels);
  if (known?.from === node.taints) return known;
  const names = Object.keys(node.labels)
    .filter((name) => advertisedPrefixes.some((prefix) => name.startsWith(prefix)))
    .sort()
    .slice(0, capacityBounds.labelsPerClassMax);
  const labels = Object.fromEntries(names.map((name) => [name, node.labels[name] ?? '']));
  const taints = node.taints
    .filter(({ effect }) => effect !== 'PreferNoSchedule')
    .map(
      ({ key, value, effect }): Taint => ({ key, effect, ...(value !== undefined && { value }) }),
    );
  const kind = { labels, taints, key: JSON.stringify([labels, taints]), from: node.taints };
  kinds.set(node.labels, kind);
  return kind;
}

/**
 * Maximum `binsMax` bins, which never promise more than there is. The bins of a class are sorted by their
 * scarcest share. Bins beside each other are merged to the least of each resource.
 */
function merged(bins: readonly CapacityBin[]): readonly CapacityBin[] {
  const sorted = [...bins].sort(
    (a, b) =>
      a.nodeClass - b.nodeClass ||
      a.free.milliCpu - b.free.milliCpu ||
      a.free.memoryBytes - b.free.memoryBytes,
  );
  const perBin = Math.ceil(
    sorted.length / (capacityBounds.binsMax - capacityBounds.nodeClassesMax),
  );
  const result: CapacityBin[] = [];
  let inLast = 0;
  for (const bin of sorted) {
    const last = result.at(-1);
    if (last !== undefined && last.nodeClass === bin.nodeClass && inLast < perBin) {
      const free = least(last.free, bin.free);
      result[result.length - 1] = { ...last, nodes: last.nodes + bin.nodes, free };
      inLast += 1;
    } else {
      result.push(bin);
      inLast = 1;
    }
  }
  return result;
}

function least(a: Amounts, b: Amounts): Amounts {
  const extended = new Map<string, number>();
  for (const [name, amount] of a.extended) {
    const common = Math.min(amount, b.extended.get(name) ?? 0);
    if (common > 0) extended.set(name, common);
  }
  return {
    milliCpu: Math.min(a.milliCpu, b.milliCpu),
    memoryBytes: Math.min(a.memoryBytes, b.memoryBytes),
    ephemeralStorageBytes: Math.min(a.ephemeralStorageBytes, b.ephemeralStorageBytes),
    pods: Math.min(a.pods, b.pods),
    extended,
  };
}

function added(a: Amounts, b: Amounts): Amounts {
  return { ...plus(a, b), pods: a.pods + b.pods };
}

function fitCountIn(free: Amounts, requests: Resources): number {
  let fits = free.pods;
  const limit = (asked: number, available: number): void => {
    if (asked > 0) fits = Math.min(fits, Math.floor(available / asked));
  };
  limit(requests.milliCpu, free.milliCpu);
  limit(requests.memoryBytes, free.memoryBytes);
  limit(requests.ephemeralStorageBytes, free.ephemeralStorageBytes);
  for (const [name, asked] of requests.extended) limit(asked, free.extended.get(name) ?? 0);
  return fits;
}

/** A label that is not advertised may be there: such requirements are left to the host. */
function mayBeSelected(shape: PodShape, { labels }: NodeClass): boolean {
  const known = (key: string): boolean =>
    advertisedPrefixes.some((prefix) => key.startsWith(prefix));
  const nodeSelector = Object.fromEntries(
    Object.entries(shape.nodeSelector).filter(([key]) => known(key)),
  );
  const terms =
    shape.affinity.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const checkable = terms?.map((term) =>
    (term.matchExpressions ?? []).filter(({ key }) => known(key)),
  );
  const anyUnknown = checkable?.some((expressions) => expressions.length === 0) ?? true;
  const affinity = anyUnknown
    ? {}
    : {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: (checkable ?? []).map((matchExpressions) => ({ matchExpressions })),
          },
        },
      };
  return matchesNodeSelection({ nodeSelector, affinity }, { name: '', labels });
}

function repelsItself({ affinity, labels }: PodShape): boolean {
  const terms = affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.some(
    ({ labelSelector }) =>
      labelSelector?.matchLabels !== undefined &&
      Object.entries(labelSelector.matchLabels).every(([key, value]) => labels[key] === value),
  );
}

function covers(a: Amounts, b: Amounts): boolean {
  return (
    a.milliCpu >= b.milliCpu &&
    a.memoryBytes >= b.memoryBytes &&
    a.pods >= b.pods &&
    [...b.extended].every(([name, amount]) => (a.extended.get(name) ?? 0) >= amount)
  );
}

function amountsKey(amounts: Amounts): string {
  const { milliCpu, memoryBytes, ephemeralStorageBytes, pods, extended } = amounts;
  return [milliCpu, memoryBytes, ephemeralStorageBytes, pods, ...[...extended].flat()].join(',');
}

function ask(milliCpu: number, memoryMebibytes: number): Resources {
  return {
    milliCpu,
    memoryBytes: memoryMebibytes * 1024 * 1024,
    ephemeralStorageBytes: 0,
    extended: new Map(),
  };
}
