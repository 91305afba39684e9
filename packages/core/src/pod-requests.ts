/**
 * What a pod asks of its node, as kube-scheduler v1.36 counts it: `PodRequests` of
 * k8s.io/component-helpers/resource. Sidecars (KEP-753) run beside everything that starts after
 * them; other init containers run one at a time; pod-level requests (KEP-2837) override the sum.
 */
import type { Container, Pod, ResourceList } from './kubernetes-objects.ts';
import { greater, noResources, plus, type Resources, resourcesOf } from './resources.ts';

/** What kube-scheduler assumes for scoring where a container asks nothing (util/pod_resources.go). */
const assumedMilliCpu = 100;
const assumedMemoryBytes = 200 * 1024 * 1024;

/** @throws Fault `InvalidQuantity` */
export function podRequests(pod: Pod): Resources {
  return aggregate(pod, resourcesOf);
}

/** As `podRequests`, but every container asks at least a little CPU and memory: for scores only. */
export function podScoringRequests(pod: Pod): Resources {
  return aggregate(pod, (list) => {
    const asked = resourcesOf(list);
    return {
      ...asked,
      milliCpu: list?.['cpu'] === undefined ? assumedMilliCpu : asked.milliCpu,
      memoryBytes: list?.['memory'] === undefined ? assumedMemoryBytes : asked.memoryBytes,
    };
  });
}

function aggregate(
  { spec }: Pod,
  requestsOf: (list: ResourceList | undefined) => Resources,
): Resources {
  let running = noResources;
  for (const container of spec.containers) {
    running = plus(running, requestsOf(container.resources?.requests));
  }
  let sidecars = noResources;
  let starting = noResources;
  for (const container of spec.initContainers ?? []) {
    const asked = requestsOf(container.resources?.requests);
    if (isSidecar(container)) {
      running = plus(running, asked);
      sidecars = plus(sidecars, asked);
      starting = greater(starting, sidecars);
    } else {
      starting = greater(starting, plus(asked, sidecars));
    }
  }
  let total = greater(running, starting);
  const podLevel = spec.resources?.requests;
  if (podLevel !== undefined) total = overridden(total, podLevel);
  return spec.overhead === undefined ? total : plus(total, resourcesOf(spec.overhead));
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

function overridden(total: Resources, podLevel: ResourceList): Resources {
  const asked = resourcesOf(podLevel);
  const extended = new Map(total.extended);
  for (const name of Object.keys(podLevel)) {
    if (name.startsWith('hugepages-')) extended.set(name, asked.extended.get(name) ?? 0);
  }
  return {
    milliCpu: podLevel['cpu'] === undefined ? total.milliCpu : asked.milliCpu,
    memoryBytes: podLevel['memory'] === undefined ? total.memoryBytes : asked.memoryBytes,
    ephemeralStorageBytes: total.ephemeralStorageBytes,
    extended,
  };
}
