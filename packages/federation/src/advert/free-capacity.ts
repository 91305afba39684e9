/**
 * The free capacity of a cluster, as its advert shows it. It is counted per node and never as a sum: four nodes
 * with one free CPU each do not fit a pod that requests two.
 */
import { plus, type Taint } from '@spillway/core';
import { type KeepFree, keptOn, type NodeState, type Snapshot } from '@spillway/scheduling';
import { isAdvertisedLabel } from './advertised-labels.ts';
import type { Amounts, CapacityBin, FreeCapacity, NodeClass } from './advert.ts';

export const capacityBounds = Object.freeze({
  binsMax: 64,
  nodeClassesMax: 16,
  labelsPerClassMax: 16,
});

export interface FreeCapacityOptions {
  readonly keepFree?: KeepFree;
}

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

/** Whether both say the same, node class by node class and bin by bin. */
export function isSameCapacity(a: FreeCapacity, b: FreeCapacity): boolean {
  if (a === b) return true;
  return (
    a.classes.length === b.classes.length &&
    a.bins.length === b.bins.length &&
    a.classes.every((kind, i) => isSameClass(kind, b.classes[i])) &&
    a.bins.every((bin, i) => isSameBin(bin, b.bins[i]))
  );
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
    .filter(isAdvertisedLabel)
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

/** A node that only pods come to and go from keeps the very labels and taints of its class. */
function isSameClass(a: NodeClass, b: NodeClass | undefined): boolean {
  if (b === undefined) return false;
  if (a.labels === b.labels && a.taints === b.taints) return true;
  return JSON.stringify(a) === JSON.stringify(b);
}

function isSameBin(a: CapacityBin, b: CapacityBin | undefined): boolean {
  return (
    b !== undefined &&
    a.nodeClass === b.nodeClass &&
    a.nodes === b.nodes &&
    isSameAmounts(a.free, b.free)
  );
}

function isSameAmounts(a: Amounts, b: Amounts): boolean {
  if (a.extended.size !== b.extended.size) return false;
  for (const [name, amount] of a.extended) if (b.extended.get(name) !== amount) return false;
  return (
    a.milliCpu === b.milliCpu &&
    a.memoryBytes === b.memoryBytes &&
    a.ephemeralStorageBytes === b.ephemeralStorageBytes &&
    a.pods === b.pods
  );
}

function added(a: Amounts, b: Amounts): Amounts {
  return { ...plus(a, b), pods: a.pods + b.pods };
}

function amountsKey(amounts: Amounts): string {
  const { milliCpu, memoryBytes, ephemeralStorageBytes, pods, extended } = amounts;
  const plain = `${milliCpu},${memoryBytes},${ephemeralStorageBytes},${pods}`;
  return extended.size === 0 ? plain : [plain, ...[...extended].flat()].join(',');
}
