/** What others may know of the guests: each home of its own, and the operator of all. */
import { type ClusterName, type Pod, wellKnown } from '@spillway/core';
import type { GuestUpdate } from '../negotiation.ts';
import { statusUpdate, unseenUpdate } from './answers.ts';
import { type Guest, isLive } from './guests.ts';

/** Whose a guest is, and how it is here. */
export interface GuestExplanation {
  readonly home: ClusterName;
  readonly shadow: Pod;
}

export interface GuestPlace {
  readonly namespace: string;
  readonly name: string;
}

/** Undefined until the shadow has been seen on a node. */
export function placeOfGuest({ state, shadow }: Guest): GuestPlace | undefined {
  const { namespace, name } = shadow?.metadata ?? {};
  if (state !== 'seen' || namespace === undefined || name === undefined) return undefined;
  return { namespace, name };
}

/**
 * The opening of a home's guest stream: all its guests, then `synced`. A home that is not told of a guest takes it
 * not to exist. So it is told of those, too, that may yet run: they count as shown from then on.
 */
export function pictureOf(guests: Iterable<Guest>, home: ClusterName): readonly GuestUpdate[] {
  const updates: GuestUpdate[] = [];
  for (const guest of guests) {
    const { id, state, shadow, pending, ending } = guest;
    if (id.home !== home) continue;
    const terminating = ending !== undefined;
    if (shadow !== undefined && state !== 'unbound') updates.push(statusUpdate(id.uid, shadow));
    else if (shadow !== undefined) {
      guest.shown = true;
      updates.push(unseenUpdate(id.uid, namedAtHome(shadow), terminating));
    } else if (pending && (isCreated(guest) || terminating)) {
      guest.shown = true;
      updates.push(unseenUpdate(id.uid, pending.pod, terminating));
    }
  }
  updates.push({ kind: 'synced' });
  return updates;
}

function namedAtHome({ metadata, spec }: Pod): Pod {
  const namespace = metadata.labels?.[wellKnown.homeNamespaceLabel] ?? '';
  return { metadata: { ...metadata, namespace }, spec };
}

/** Whether its home may be told that it exists: it has a node. */
export function isCreated({ state, pending }: Guest): boolean {
  return state === 'seen' || (state === 'created' && pending?.place.scheduler === undefined);
}

/** A guest by where it lives here; undefined for every other pod. O(guests). */
export function explanationOf(
  guests: Iterable<Guest>,
  namespace: string,
  name: string,
): GuestExplanation | undefined {
  for (const { id, shadow } of guests) {
    const { metadata } = shadow ?? {};
    if (shadow === undefined || metadata?.namespace !== namespace || metadata.name !== name)
      continue;
    return { home: id.home, shadow };
  }
  return undefined;
}

/** How many guests of each home take room, or are about to. */
export function liveByHome(guests: Iterable<Guest>): ReadonlyMap<ClusterName, number> {
  const byHome = new Map<ClusterName, number>();
  for (const guest of guests) {
    if (isLive(guest)) byHome.set(guest.id.home, (byHome.get(guest.id.home) ?? 0) + 1);
  }
  return byHome;
}
