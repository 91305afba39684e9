/**
 * What a pod requests of its node, as kube-scheduler counts it: `PodRequests` of
 * k8s.io/component-helpers/resource.
 *
 * - Sidecars (KEP-753) run beside everything that starts after them. Other init containers run one at a
 *   time.
 * - Requests of the whole pod (KEP-2837) override the sum.
 * - A pod that is being resized in place (KEP-1287) counts with the greater of what it has and wants.
 *
 * Up to 1.36, kube-scheduler takes the greater for each container. 1.37 takes the greatest of the sums, and
 * reads what the kubelet says of the whole pod. This is never less than either.
 */
import type {
  Container,
  ContainerStatus,
  Pod,
  PodStatus,
  ResourceList,
} from './kubernetes-objects.ts';
import { parseQuantity, type Quantity, quantityOf } from './quantity.ts';
import { type Resources, resourcesOfAmounts } from './resources.ts';

/** Exact until the end: two containers of half a byte ask for one byte together. */
type Amounts = Map<string, Quantity>;

/** The map is the caller's to change. */
type AmountsOf = (container: Container) => Amounts;

/** What kube-scheduler assumes for scoring where a container asks nothing (util/pod_resources.go). */
const assumed: readonly (readonly [string, Quantity])[] = [
  ['cpu', parseQuantity('100m')],
  ['memory', parseQuantity('200Mi')],
];

/** What a pod that is not placed yet asks. @throws Fault `InvalidQuantity` */
export function podRequests(pod: Pod): Resources {
  return resourcesOfAmounts(aggregate(pod, specAmounts));
}

/** As `podRequests`, but every container asks at least a little CPU and memory: for scores only. */
export function podScoringRequests(pod: Pod): Resources {
  return resourcesOfAmounts(aggregate(pod, (container) => withAssumed(specAmounts(container))));
}

/** What a pod takes of the node that it is on, resizes under way included. @throws Fault `InvalidQuantity` */
export function placedRequests(pod: Pod): {
  readonly requests: Resources;
  readonly scoringRequests: Resources;
} {
  const amountsOf = pod.status === undefined ? specAmounts : statusAmounts(pod);
  let asksAll = true;
  const requests = resourcesOfAmounts(
    aggregate(pod, (container) => {
      const asked = amountsOf(container);
      asksAll &&= assumed.every(([name]) => asked.has(name));
      return asked;
    }),
  );
  if (asksAll) return { requests, scoringRequests: requests };
  const scoring = aggregate(pod, (container) => withAssumed(amountsOf(container)));
  return { requests, scoringRequests: resourcesOfAmounts(scoring) };
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

function aggregate(pod: Pod, amountsOf: AmountsOf): Amounts {
  const { spec, status } = pod;
  const total = ofContainers(pod, amountsOf);
  if (status !== undefined) addClaims(total, status);
  if (status !== undefined || spec.resources !== undefined) applyPodLevel(total, pod);
  return spec.overhead === undefined ? total : add(total, amounts(spec.overhead));
}

function ofContainers({ spec }: Pod, amountsOf: AmountsOf): Amounts {
  let total: Amounts | undefined;
  for (const container of spec.containers) {
    const asked = amountsOf(container);
    total = total === undefined ? asked : add(total, asked);
  }
  total ??= new Map();
  if (spec.initContainers === undefined) return total;
  const sidecars: Amounts = new Map();
  const starting: Amounts = new Map();
  for (const container of spec.initContainers) {
    const asked = amountsOf(container);
    if (isSidecar(container)) {
      add(total, asked);
      add(sidecars, asked);
      raise(starting, sidecars);
    } else {
      raise(starting, add(new Map(sidecars), asked));
    }
  }
  return raise(total, starting);
}

/** What the pod asks as a whole, and what the kubelet says of the whole pod. */
function applyPodLevel(total: Amounts, { spec, status }: Pod): void {
  const has = (status?.['resources'] as { readonly requests?: ResourceList } | undefined)?.requests;
  const granted = status?.['allocatedResources'] as ResourceList | undefined;
  const podLevel = spec.resources?.requests;
  if (podLevel === undefined && (has === undefined || granted === undefined)) return;
  const reported = raise(amounts(has), amounts(granted));
  if (has !== undefined && granted !== undefined) raise(total, reported);
  if (podLevel === undefined) return;
  const wished = has !== undefined && isInfeasible(status) ? new Map() : amounts(podLevel);
  for (const [name, amount] of raise(wished, reported)) {
    if (name in podLevel && isPodLevel(name)) total.set(name, amount);
  }
}

interface ClaimStatus {
  readonly containers?: readonly string[];
  /** 1.36. */
  readonly resources?: ResourceList;
  /** 1.37. */
  readonly mapping?: readonly { readonly name: string; readonly quantity: string }[];
  readonly overhead?: readonly {
    readonly name: string;
    readonly perPod?: string;
    readonly perContainer?: string;
  }[];
}

/** What resource claims take of the node's own CPU and memory (KEP-5517), beside what containers ask. */
function addClaims(total: Amounts, status: PodStatus): void {
  const claims = status['nodeAllocatableResourceClaimStatuses'] as
    | readonly ClaimStatus[]
    | undefined;
  if (claims === undefined) return;
  for (const { containers = [], resources, mapping = [], overhead = [] } of claims) {
    add(total, amounts(resources));
    for (const { name, quantity } of mapping) add(total, amounts({ [name]: quantity }));
    for (const { name, perPod = 0, perContainer = 0 } of overhead) {
      add(total, amounts({ [name]: perPod }));
      for (const _container of containers) add(total, amounts({ [name]: perContainer }));
    }
  }
}

function isPodLevel(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function specAmounts({ resources }: Container): Amounts {
  return amounts(resources?.requests);
}

/** An infeasible resize will not happen, so its wish does not count. */
function isInfeasible(status: PodStatus | undefined): boolean {
  return (
    status?.conditions?.some(
      ({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible',
    ) ?? false
  );
}

/** determineEffectiveRequests. */
function statusAmounts({ status }: Pod): AmountsOf {
  const { containerStatuses, initContainerStatuses } = status ?? {};
  if (containerStatuses === undefined && initContainerStatuses === undefined) return specAmounts;
  const infeasible = isInfeasible(status);
  return (container) => {
    const named = ({ name }: ContainerStatus): boolean => name === container.name;
    // Up to 1.35 only sidecars can be resized of the init containers: the others' status says what they ask.
    const found = containerStatuses?.find(named) ?? initContainerStatuses?.find(named);
    const has = found?.['resources'] as { readonly requests?: ResourceList } | undefined;
    if (found === undefined || has === undefined) return specAmounts(container);
    const effective = infeasible ? new Map() : specAmounts(container);
    raise(effective, amounts(has.requests));
    return raise(effective, amounts(found['allocatedResources'] as ResourceList | undefined));
  };
}

function withAssumed(asked: Amounts): Amounts {
  for (const [name, amount] of assumed) if (!asked.has(name)) asked.set(name, amount);
  return asked;
}

function amounts(list: ResourceList | undefined): Amounts {
  const result: Amounts = new Map();
  for (const name in list) {
    const text = list[name];
    if (text !== undefined) result.set(name, quantityOf(name, text));
  }
  return result;
}

function add(to: Amounts, more: Amounts): Amounts {
  for (const [name, amount] of more) to.set(name, ((to.get(name) ?? 0n) + amount) as Quantity);
  return to;
}

/** To the greater of both, name by name. */
function raise(to: Amounts, other: Amounts): Amounts {
  for (const [name, amount] of other) {
    const known = to.get(name);
    if (known === undefined || amount > known) to.set(name, amount);
  }
  return to;
}
