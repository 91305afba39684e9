/**
 * The life of a pod of ours, from the queue to the end of its guest. It has every state, and every event
 * that leads from one to another. What is not in `podTable` is refused, in production too (`pod-life.ts`).
 *
 * A pod is in exactly one state. The states before the binding live in `../pending/`, the others here. An
 * agent that starts derives the state of a bound pod from the pod itself (the events `arrived…`).
 *
 * packages/federation/README.md shows the table. `npm run unit -- states` compares the two.
 */
import type { Table } from '../state-table.ts';

/** What each state means, in the order of a pod's life. */
export const podStates = {
  untracked: 'the home does nothing for it: not eligible, or bound to a node of the home',
  pending: 'waits for room, at home or at a neighbour',
  asked: 'neighbours have been asked for room for it',
  granted: 'a host holds room for it, and is trying whether its API server would take it',
  binding: 'its binding to the virtual node is on its way to the API server',
  bindingHome: 'a node of the home was found; its volumes or its binding are on their way',
  bound: 'the API server says that it is bound; the watch does not show it yet',
  foreign: 'something other than Spillway bound it to a virtual node; nothing of it is sent',
  committing: 'bound to the virtual node; the host is asked to create the guest',
  running: 'the guest exists',
  closing: 'the guest has ended; the last status is being written at home',
  withdrawing: 'fenced and given up; it fails once the host confirms that no guest is left',
  finished: 'the last status is written; the pod still exists at home',
  ending: 'deleted at home, or being deleted; its guest must go',
  gone: 'nothing is left of it at home or at the host',
} as const;

export type PodState = keyof typeof podStates;

/** What happened, for each event of `podTable`. */
export const podEvents = {
  eligible: 'the watch shows a pod that Spillway may place',
  regrouped: 'its shape or its policy changed: it waits with other pods',
  asked: 'a reservation round was opened for it',
  roundEnded: 'the round is decided, and it got no slot',
  granted: 'it got a slot',
  tryRefused: 'the API server of the host would refuse it',
  tryAccepted: 'the API server of the host would take it',
  calledOff: 'its policy, its shape or its neighbour changed before the binding: it waits again',
  placed: 'a node of the home was found for it',
  bound: 'our binding succeeded',
  taken: 'it was bound already when our binding arrived',
  bindFailed: 'the binding failed, or its volumes could not be bound',
  left: 'it was deleted, bound by something else, or is no longer eligible',
  seenBound: 'the watch shows our binding to a virtual node',
  arrived: 'an earlier agent of this home bound it to a virtual node',
  arrivedRunning: 'the same, and its status says that its guest has existed',
  arrivedForeign: 'the watch shows it on a virtual node, without our seal',
  arrivedUnfit: 'an earlier agent bound it, but such a pod must not leave its home',
  orphanFound: 'a host shows a guest of a pod that is not at home any more',
  created: 'the host has created the guest',
  guestShown: 'the host shows the guest',
  guestEnded: 'the status that the host shows is terminal',
  guestGone: 'there is no guest, and there will be none',
  refused: 'the host does not create the guest for now',
  gaveUp: 'the host has refused it for too long: it fails',
  withdrawn: 'the same of a fenced pod: first its guest must be known to be gone',
  givenBack: 'it fails, because something other than Spillway bound it',
  statusWritten: 'its last status is written at home',
  ended: 'the watch shows a terminal status',
  deleted: 'the watch shows that it is being deleted, or is gone',
  forgotten: 'neither the pod nor its guest exists any more',
} as const;

export type PodEvent = keyof typeof podEvents;

/** Where each event leads from each state. An event that changes nothing there is listed, too. */
export const podTable: Table<PodState, PodEvent> = {
  untracked: {
    eligible: 'pending',
    arrived: 'committing',
    arrivedRunning: 'running',
    arrivedForeign: 'foreign',
    arrivedUnfit: 'finished',
    orphanFound: 'ending',
  },
  pending: {
    regrouped: 'pending',
    asked: 'asked',
    granted: 'granted',
    placed: 'bindingHome',
    left: 'untracked',
  },
  asked: {
    regrouped: 'pending',
    roundEnded: 'pending',
    granted: 'granted',
    left: 'untracked',
  },
  granted: {
    tryRefused: 'pending',
    tryAccepted: 'binding',
    calledOff: 'pending',
    seenBound: 'committing',
    left: 'untracked',
  },
  binding: {
    bound: 'committing',
    seenBound: 'committing',
    taken: 'bound',
    bindFailed: 'pending',
    left: 'untracked',
  },
  bindingHome: {
    bound: 'bound',
    taken: 'bound',
    bindFailed: 'pending',
    left: 'untracked',
  },
  bound: {
    left: 'untracked',
  },
  foreign: {
    guestShown: 'running',
    guestEnded: 'closing',
    guestGone: 'closing',
    givenBack: 'closing',
    withdrawn: 'withdrawing',
    ended: 'finished',
    deleted: 'ending',
  },
  committing: {
    created: 'running',
    guestShown: 'running',
    guestEnded: 'closing',
    guestGone: 'closing',
    refused: 'committing',
    gaveUp: 'closing',
    withdrawn: 'withdrawing',
    ended: 'finished',
    deleted: 'ending',
  },
  running: {
    created: 'running',
    guestShown: 'running',
    guestEnded: 'closing',
    guestGone: 'closing',
    gaveUp: 'closing',
    withdrawn: 'withdrawing',
    ended: 'finished',
    deleted: 'ending',
  },
  closing: {
    guestShown: 'closing',
    guestGone: 'closing',
    statusWritten: 'finished',
    ended: 'finished',
    deleted: 'ending',
  },
  withdrawing: {
    guestShown: 'withdrawing',
    guestEnded: 'closing',
    guestGone: 'closing',
    ended: 'finished',
    deleted: 'ending',
  },
  finished: {
    guestShown: 'finished',
    guestGone: 'finished',
    ended: 'finished',
    deleted: 'ending',
  },
  ending: {
    guestShown: 'ending',
    guestGone: 'ending',
    deleted: 'ending',
    forgotten: 'gone',
  },
  gone: {},
};
