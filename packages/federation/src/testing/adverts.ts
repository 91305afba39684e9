/** Adverts and neighbours for tests, of which only what a test is about has to be said. */
import {
  clusterName,
  type MonotonicMs,
  peerId,
  type Pod,
  type PodShape,
  shapeOf,
} from '@spillway/core';
import type { Advert, Amounts, CapacityBin } from '../advert/advert.ts';
import { originCoordinate } from '../membership/coordinates.ts';
import type { Neighbour } from '../membership/directory.ts';
import type { Member } from '../negotiation.ts';
import { noAmounts } from '../advert/free-capacity.ts';

const gibibyte = 2 ** 30;

/** `nodes` nodes with these free CPUs and GiB, and 110 pods. */
export function bin(nodes: number, cpus: number, gib: number): CapacityBin {
  const free: Amounts = {
    ...noAmounts,
    milliCpu: cpus * 1_000,
    memoryBytes: gib * gibibyte,
    pods: 110,
  };
  return { nodeClass: 0, nodes, free };
}

export function advertOf(name: string, changes: Partial<Advert> = {}): Advert {
  return {
    cluster: clusterName(name),
    peer: peerId(`peer-${name}`),
    version: { epoch: 1, sequence: 1 },
    ttlMs: 120_000,
    addresses: [],
    coordinate: originCoordinate,
    labels: {},
    accepting: true,
    guestsFree: 1_000,
    freeCapacity: { classes: [{ labels: {}, taints: [] }], bins: [bin(5, 4, 16)] },
    totals: { allocatable: noAmounts, free: noAmounts },
    ...changes,
  };
}

export function memberOf(name: string, attributes: Member['attributes'] = {}): Member {
  return { cluster: clusterName(name), peer: peerId(`peer-${name}`), attributes };
}

export function neighbourOf(
  name: string,
  changes: Partial<Omit<Neighbour, 'advert'>> & { readonly advert?: Partial<Advert> } = {},
): Neighbour {
  const { advert, ...rest } = changes;
  return {
    cluster: clusterName(name),
    peer: peerId(`peer-${name}`),
    attributes: {},
    liveness: 'alive',
    rttMs: 10,
    rttMeasured: true,
    lastHeard: 0 as MonotonicMs,
    advertAt: 0 as MonotonicMs,
    ...rest,
    advert: advertOf(name, advert),
  };
}

/** Of one container with these requests. */
export function shapeAsking(
  cpu: string,
  memory: string,
  spec: Partial<Pod['spec']> = {},
): PodShape {
  return shapeOf({
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      containers: [{ name: 'main', image: 'web', resources: { requests: { cpu, memory } } }],
      ...spec,
    },
  });
}
