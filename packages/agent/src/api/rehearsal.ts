/**
 * Asks a neighbour what it would do with a pod that does not exist. The neighbour holds room for one pod,
 * and tries it against its API server. Then it gets the room back. Nothing is created but the guest
 * namespace, in which the pod is tried.
 */
import { randomUUID } from 'node:crypto';
import { type ClusterName, isFault, type Pod } from '@spillway/core';
import {
  boundPod,
  portablePod,
  type NegotiationClient,
  placingSpec,
  type PlacementPolicy,
  refusalText,
} from '@spillway/federation';
import type { Log } from '../reporting/log.ts';

export type Rehearsed =
  /** `dropped`: what the host would leave out, in words. */
  | { readonly outcome: 'agrees'; readonly dropped: readonly string[] }
  | { readonly outcome: 'refuses'; readonly reason: string };

const deadlineMs = 5_000;

export async function rehearse(
  host: ClusterName,
  { pod, policy }: { readonly pod: Pod; readonly policy: PlacementPolicy },
  using: {
    readonly negotiator: (host: ClusterName) => NegotiationClient;
    readonly homeEpoch: number;
    readonly log: Pick<Log, 'warn'>;
  },
): Promise<Rehearsed> {
  const client = using.negotiator(host);
  const { homeEpoch, log } = using;
  const sample = portablePod(boundPod(pod, policy));
  try {
    const { namespace = 'default', labels = {} } = sample.metadata;
    const spec = placingSpec(sample);
    const asked = { homeEpoch, requestId: randomUUID(), namespace, labels, spec, count: 1 };
    const { reservation, verdicts } = await client.reserve(asked, { deadlineMs });
    if (reservation === undefined) return { outcome: 'refuses', reason: refusalText(verdicts) };
    try {
      const tried = { homeEpoch, reservationId: reservation.id, pods: [sample] };
      const [result] = await client.tryGuests(tried, { deadlineMs });
      if (result?.outcome !== 'refused')
        return { outcome: 'agrees', dropped: result?.dropped ?? [] };
      return { outcome: 'refuses', reason: result.verdict.reason };
    } finally {
      const released = { homeEpoch, reservations: [reservation.id], guests: [] };
      client.release(released, { deadlineMs }).catch((error: unknown) => {
        log.warn({ host, err: error }, 'room of a dry run was not released; it expires');
      });
    }
  } catch (error) {
    if (!isFault(error)) throw error;
    // An older neighbour grants room, and can't try.
    if (error.code === 'Unimplemented') return { outcome: 'agrees', dropped: [] };
    return { outcome: 'refuses', reason: `could not be asked (${error.code})` };
  }
}
