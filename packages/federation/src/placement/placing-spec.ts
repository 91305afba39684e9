/**
 * What a neighbour learns of a pod that it is only asked about: what decides where the pod fits, and
 * nothing of what it runs. No name, image, command, environment, volume or security context of a
 * container is in it. The pod itself goes to the one host that has granted room.
 */
import type { Container, ContainerPort, Pod, PodSpec } from '@spillway/core';

/** `pod` as it travels. Its shape is the same: `shapeOf` reads nothing of a pod that may leave but this. */
export function placingSpec({ spec }: Pod): PodSpec {
  const { overhead, resources, nodeSelector, affinity, tolerations } = spec;
  const { topologySpreadConstraints, initContainers } = spec;
  return {
    containers: spec.containers.map(placingContainer),
    ...(initContainers && { initContainers: initContainers.map(placingContainer) }),
    ...(overhead && { overhead }),
    ...(resources?.requests && { resources: { requests: resources.requests } }),
    ...(nodeSelector && { nodeSelector }),
    ...(affinity && { affinity }),
    ...(tolerations && { tolerations }),
    ...(topologySpreadConstraints && { topologySpreadConstraints }),
  };
}

function placingContainer({ resources, ports, restartPolicy }: Container, i: number): Container {
  const hostPorts = (ports ?? []).filter(({ hostPort }) => hostPort);
  return {
    // Every container has a name; this one says nothing.
    name: `c${i}`,
    ...(resources?.requests && { resources: { requests: resources.requests } }),
    ...(hostPorts.length > 0 && { ports: hostPorts.map(placingPort) }),
    ...(restartPolicy !== undefined && { restartPolicy }),
  };
}

function placingPort({ containerPort, hostPort, hostIP, protocol }: ContainerPort): ContainerPort {
  return {
    containerPort,
    ...(hostPort !== undefined && { hostPort }),
    ...(hostIP !== undefined && { hostIP }),
    ...(protocol !== undefined && { protocol }),
  };
}
