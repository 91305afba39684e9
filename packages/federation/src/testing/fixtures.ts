/** Small objects for tests of the machines: nodes and pods that differ in CPU only. */
import {
  type ClusterName,
  type MonotonicMs,
  type Node,
  type Pod,
  type PodStatus,
  type PodUid,
  virtualNodeName,
  wellKnown,
} from '@spillway/core';
import { Ledger } from '@spillway/scheduling';
import type { Advert } from '../advert/advert.ts';
import { originCoordinate } from '../membership/coordinates.ts';
import type { Seals } from '../home/ports.ts';
import type { Host } from '../host/host.ts';
import type { Member, ReserveAnswer, ReserveRequest } from '../negotiation.ts';
import { freeCapacityOf, capacityTotals } from '../advert/free-capacity.ts';
import { memberOf } from './adverts.ts';

export const at = (ms: number): MonotonicMs => ms as MonotonicMs;
export const cluster = (name: string): ClusterName => name as ClusterName;

export function node(name: string, cpu: string): Node {
  return { metadata: { name }, status: { allocatable: { cpu, memory: '8Gi', pods: '110' } } };
}

export function ledgerOf(...nodes: readonly Node[]): Ledger {
  const ledger = new Ledger();
  for (const object of nodes) ledger.apply({ kind: 'Node', type: 'set', object });
  return ledger;
}

export function podOf(
  name: string,
  given: {
    readonly cpu?: string;
    readonly schedulerName?: string;
    readonly nodeName?: string;
    readonly status?: PodStatus;
    readonly metadata?: Partial<Pod['metadata']>;
  } = {},
): Pod {
  const { cpu = '1', schedulerName = 'spillway', nodeName, status, metadata } = given;
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...metadata },
    spec: {
      schedulerName,
      ...(nodeName !== undefined && { nodeName }),
      containers: [{ name: 'c', resources: { requests: { cpu } } }],
    },
    status: status ?? { phase: 'Pending' },
  };
}

/** Seals that a test can write itself. */
export const plainSeals: Seals = {
  seal: (uid, host) => `${uid} at ${host}`,
  holds: ({ metadata }, host) =>
    metadata.annotations?.[wellKnown.boundByAnnotation] === `${metadata.uid} at ${host}`,
};

/** As our own binding to `host` leaves it. */
export function sealedAt(pod: Pod, host: ClusterName): Pod {
  const seal = { [wellKnown.boundByAnnotation]: plainSeals.seal(pod.metadata.uid as PodUid, host) };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...seal } },
    spec: { ...pod.spec, nodeName: virtualNodeName(host) },
  };
}

/** What a cluster whose only node has `cpu` free would say. */
export function advertOf(name: string, cpu: string, sequence = 0): Advert {
  const { snapshot } = ledgerOf(node('n', cpu));
  const { peer } = memberOf(cluster(name));
  return {
    cluster: cluster(name),
    peer,
    version: { epoch: 1, sequence },
    ttlMs: 60_000,
    addresses: [],
    coordinate: originCoordinate,
    labels: {},
    accepting: true,
    guestsFree: 100,
    freeCapacity: freeCapacityOf(snapshot),
    totals: capacityTotals(snapshot),
  };
}

/** What `host` answers at once to a call for room. */
export function reserveAt(
  host: Host,
  caller: Member,
  request: ReserveRequest,
  now: number,
): ReserveAnswer {
  const effects = host.step({ kind: 'reserve', call: -1, caller, request }, at(now));
  const reply = effects.find((effect) => effect.kind === 'reserveReply');
  if (reply === undefined) throw new Error('the host did not answer at once');
  return reply.answer;
}
