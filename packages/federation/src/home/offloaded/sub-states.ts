/**
 * What an offloaded pod has beside its state (states.ts): what is known of its guest, and of the pod itself
 * at home. Each is a table of its own, asserted as that one is.
 */
import type { Table } from '../state-table.ts';

export const guestStates = {
  unknown: 'it is not known whether there is one',
  assumed: "the pod's status says that it has existed; the host has not shown it to this agent",
  created:
    'the host has created it, and has not shown it yet: the commit is repeated until it does',
  shown: 'the host shows it',
  unwanted: 'it must go: the pod has ended at home, or was given up',
  released: 'the host has accepted the release, which is repeated until the guest is gone',
  gone: 'it does not exist, and will not',
} as const;

export type GuestState = keyof typeof guestStates;
export type GuestEvent =
  | 'assumed'
  | 'created'
  | 'shown'
  /** A new stream does not show it, and a commit that may make it is under way. */
  | 'missing'
  | 'unwanted'
  | 'released'
  | 'gone';

export const guestTable: Table<GuestState, GuestEvent> = {
  unknown: {
    assumed: 'assumed',
    created: 'created',
    shown: 'shown',
    unwanted: 'unwanted',
    released: 'released',
    gone: 'gone',
  },
  assumed: { shown: 'shown', released: 'released', gone: 'gone' },
  created: {
    created: 'created',
    shown: 'shown',
    missing: 'created',
    unwanted: 'unwanted',
    released: 'released',
    gone: 'gone',
  },
  shown: {
    shown: 'shown',
    missing: 'created',
    unwanted: 'unwanted',
    released: 'released',
    gone: 'gone',
  },
  unwanted: { shown: 'unwanted', unwanted: 'unwanted', released: 'released', gone: 'gone' },
  released: { shown: 'released', unwanted: 'released', released: 'released', gone: 'gone' },
  gone: { shown: 'shown', released: 'gone', gone: 'gone' },
};

export const homePodStates = {
  present: 'the pod exists',
  evicting: 'its deletion is asked for, because its home leaves the federation',
  finalized: "it was deleted without grace; somebody's finalizer may still hold it",
  gone: 'it does not exist any more',
} as const;

export type HomePodState = keyof typeof homePodStates;
export type HomePodEvent = 'evict' | 'evictFailed' | 'finalized' | 'gone';

export const homePodTable: Table<HomePodState, HomePodEvent> = {
  present: { evict: 'evicting', evictFailed: 'present', finalized: 'finalized', gone: 'gone' },
  evicting: { evictFailed: 'present', finalized: 'finalized', gone: 'gone' },
  finalized: { evictFailed: 'finalized', gone: 'gone' },
  gone: { evictFailed: 'gone', finalized: 'gone', gone: 'gone' },
};
