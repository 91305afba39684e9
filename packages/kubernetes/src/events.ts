/** Reasons of the Kubernetes events that Spillway writes. One list, so that they stay few and stable. */
export const eventReasons = {
  /** Bound to a node of its home, or to a neighbour's virtual node. */
  scheduled: 'Scheduled',
  /** Nothing fits now; the message goes neighbour by neighbour. */
  failedScheduling: 'FailedScheduling',
  /** It ends, so that a pod of higher priority can run on its node. */
  preempted: 'Preempted',
  offloading: 'Offloading',
  /** Its shadow exists at the host. */
  offloaded: 'Offloaded',
  /** It is away and opens ports, and no Service lists it: the pod networks are not joined. */
  noEndpoint: 'NoEndpoint',
  /** The host that granted room does not take it after all. */
  guestRefused: 'GuestRefused',
  /** The shadow is gone, and the pod with it. */
  guestLost: 'GuestLost',
  /** Its host ended it, or says that it had ended before. */
  guestEnded: 'GuestEnded',
  /** A label or annotation of ours, on a pod or a namespace, means nothing as it is written. */
  invalidSetting: 'InvalidSetting',
  /** Something other than Spillway has bound the pod to a virtual node. */
  notPlacedBySpillway: 'NotPlacedBySpillway',
} as const;

type EventReason = (typeof eventReasons)[keyof typeof eventReasons];

/** For docs/reference.md. A new reason needs a line here to compile. */
export const eventMeanings: Readonly<Record<EventReason, string>> = {
  Scheduled: 'The pod is bound to a node of its home or to a virtual node.',
  FailedScheduling: 'Nothing fits now. The message has the reason of each neighbour.',
  Offloading: 'The pod is bound to a virtual node. The home asks the host to run it.',
  Offloaded: 'The host has created the shadow pod.',
  GuestRefused: 'The host that granted room refuses the pod after all.',
  GuestLost: 'The shadow pod no longer exists. The pod fails with the reason.',
  GuestEnded: 'The host has ended the guest, or this cluster leaves the federation.',
  NoEndpoint: 'The pod is away, and Services at home do not list it.',
  Preempted: 'The pod was deleted to make room for one of higher priority.',
  NotPlacedBySpillway:
    'Something other than Spillway has bound the pod to a virtual node. Nothing of it leaves, and it fails.',
  InvalidSetting:
    'A Spillway label or annotation on a pod or namespace has no effect as it is written.',
};
