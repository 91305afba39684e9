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
} as const;
