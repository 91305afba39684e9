/** Carries out one piece of work of the agent: at its own API server, or by a call to a neighbour. */
import {
  type CallWork,
  callDeadlineMs,
  type Ended,
  type Work,
  type WorkOf,
} from '@spillway/agent-core';
import { type Clock, type NodeName, unreachable, virtualNodeName } from '@spillway/core';
import type {
  Connection,
  HomePlacementWrites,
  HomeWrites,
  HostWrites,
  NodeWrites,
} from './driver-ports.ts';
import type { Reporter } from './reporting/reporter.ts';

export interface WorkPorts {
  readonly epoch: number;
  readonly writes: HomeWrites & HostWrites;
  readonly placement: HomePlacementWrites;
  readonly nodes: NodeWrites;
  readonly reporter: Pick<Reporter, 'preempted'>;
  readonly clock: Clock;
  /** @throws Fault `Internal` before the mesh has started. */
  readonly connected: () => Connection;
}

/** Resolves with how it ended; rejects when it failed. Each call has a deadline of its own. */
export async function perform(work: Work, by: WorkPorts): Promise<Ended> {
  const { writes, placement, nodes, clock } = by;
  const { kind } = work;
  switch (kind) {
    case 'bindLocally':
      return { kind, value: await writes.bindPod(work.ref, work.node) };
    case 'bindAway': {
      const node = virtualNodeName(work.host) as NodeName;
      return { kind, value: await writes.bindPod(work.ref, node, work.annotations) };
    }
    case 'bindVolumes':
      for (const write of work.writes) await placement.writeVolume(write);
      return { kind, value: 'ok' };
    case 'preempt':
      await preempt(work, by);
      return { kind, value: 'ok' };
    case 'unnominate':
      return { kind, value: await placement.nominate(work.ref, undefined) };
    case 'writeStatus':
      return { kind, value: await writes.patchPodStatus(work.ref, work.status) };
    case 'finalize':
      return { kind, value: await writes.finalizeDeletion(work.ref) };
    case 'evict':
      return { kind, value: await writes.evictPod(work.ref) };
    case 'checkOrphan':
      return { kind, value: await writes.getPod(work.ref.namespace, work.ref.name) };
    case 'reserve':
    case 'try':
    case 'commit':
    case 'update':
    case 'release':
      return await callHost(work, by);
    case 'createShadow': {
      const { guest, pod, place } = work;
      return { kind, value: await writes.createShadow({ home: guest.home, pod, place }) };
    }
    case 'tryShadow':
      return { kind, value: await writes.tryShadow(work) };
    case 'patchShadow': {
      const { namespace, name, shadowUid: uid, patch } = work;
      return { kind, value: await writes.patchShadow({ namespace, name, uid, patch }) };
    }
    case 'deleteShadow': {
      const { namespace, name, shadowUid: uid, gracePeriodSeconds } = work;
      const grace = gracePeriodSeconds !== undefined && { gracePeriodSeconds };
      await writes.deleteShadow({ namespace, name, uid, ...grace });
      return { kind, value: 'ok' };
    }
    case 'keepNode':
      await nodes.keep(work.state, new Date(clock.wallMs()));
      return { kind, value: 'ok' };
    case 'removeNode':
      await nodes.remove(work.cluster);
      return { kind, value: 'ok' };
    default:
      return unreachable(work);
  }
}

async function preempt(
  { ref, node, victims }: WorkOf<'preempt'>,
  { placement, reporter }: WorkPorts,
): Promise<void> {
  // First, so that an agent that dies in between ends no more pods than these.
  await placement.nominate(ref, node);
  for (const victim of victims) {
    if ((await placement.endPreempted(victim)) === 'ok') reporter.preempted(victim, ref, node);
  }
}

async function callHost(
  work: CallWork,
  { connected, epoch: homeEpoch }: WorkPorts,
): Promise<Ended> {
  const negotiator = connected().negotiator(work.host);
  const { kind } = work;
  const deadline = { deadlineMs: callDeadlineMs[kind] };
  switch (kind) {
    case 'reserve':
      return { kind, value: await negotiator.reserve(work.request, deadline) };
    case 'try':
      return { kind, value: await negotiator.tryGuests(work.request, deadline) };
    case 'commit':
      return { kind, value: await negotiator.commit(work.request, deadline) };
    case 'update':
      return { kind, value: await negotiator.updateGuests(work.request, deadline) };
    case 'release': {
      const { reservations, guests } = work;
      const request = { homeEpoch, reservations, guests };
      await negotiator.release(request, deadline);
      return { kind, value: 'ok' };
    }
    default:
      return unreachable(work);
  }
}
