/** How many pods of a shape fit into the free capacity of an advert. The host decides in the end. */
import { type PodShape, plus, type Resources } from '@spillway/core';
import { matchesNodeSelection, untoleratedTaint } from '@spillway/scheduling';
import { isAdvertisedLabel } from './advertised-labels.ts';
import type { Amounts, CapacityBin, FreeCapacity, NodeClass } from './advert.ts';

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

/** By resources alone. */
export function fitCountIn(free: Amounts, requests: Resources): number {
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
  const { nodeAffinity } = shape.affinity;
  if (nodeAffinity === undefined && isEmpty(shape.nodeSelector)) return true;
  const nodeSelector = Object.fromEntries(
    Object.entries(shape.nodeSelector).filter(([key]) => isAdvertisedLabel(key)),
  );
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const checkable = terms?.map((term) =>
    (term.matchExpressions ?? []).filter(({ key }) => isAdvertisedLabel(key)),
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

function isEmpty(map: Readonly<Record<string, string>>): boolean {
  for (const _key in map) return false;
  return true;
}

function repelsItself({ affinity, labels }: PodShape): boolean {
  const terms = affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.some(
    ({ labelSelector }) =>
      labelSelector?.matchLabels !== undefined &&
      Object.entries(labelSelector.matchLabels).every(([key, value]) => labels[key] === value),
  );
}
