/** What others may know of the guests: each home of its own, and the operator of all. */
import type { ClusterName, Pod } from '@spillway/core';
import type { GuestUpdate } from '../negotiation.ts';
import { statusUpdate, unseenUpdate } from './answers.ts';
import { type Guest, isLive } from './guests.ts';

/** Whose a guest is, and how it is here. */
export interface GuestExplanation {
  readonly home: ClusterName;
  readonly shadow: Pod;
}

/** The opening of a home's guest stream: all its guests, then `synced`. */
export function pictureOf(guests: Iterable<Guest>, home: ClusterName): readonly GuestUpdate[] {
  const updates: GuestUpdate[] = [];
  for (const guest of guests) {
    const { id, state, shadow, pending, ending } = guest;
    if (id.home !== home) continue;
    if (shadow !== undefined && state !== 'unbound') updates.push(statusUpdate(id.uid, shadow));
    // What the home was told exists must not seem lost, nor gone what may yet come to be.
    else if (pending && (isCreated(guest) || (ending !== undefined && !ending.unbound))) {
      updates.push(unseenUpdate(id.uid, pending.pod, ending !== undefined));
    }
  }
  updates.push({ kind: 'synced' });
  return updates;
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
