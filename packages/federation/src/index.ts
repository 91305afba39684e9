export type * from './advert/advert.ts';
export * from './advert/advert-pacing.ts';
export * from './membership/coordinates.ts';
export * from './membership/directory.ts';
export { boundPod, isFenced } from './offload/fence.ts';
export type { Forecast } from './placement/forecast.ts';
export { refusalText } from './home/pending/reservation-round.ts';
export * from './home/eligibility.ts';
export { checkedHomeConfig, type HomeConfig, homeDefaults } from './home/config.ts';
export * from './home/events.ts';
export type * from './home/foresee.ts';
export {
  type PodEvent,
  podEvents,
  type PodState,
  podStates,
  podTable,
} from './home/offloaded/states.ts';
export type { TransitionObserver } from './home/pod-life.ts';
export type { PodAway } from './home/offloaded/offloaded-pod.ts';
export type { ForeignPod } from './home/offloaded/foreign-pods.ts';
export * from './home/home.ts';
export type * from './home/namespace-facts.ts';
export type * from './home/ports.ts';
export { createVerdict } from './host/answers.ts';
export { type ShadowPlace, shadowSpec } from './host/binding.ts';
export { checkedHostConfig, type HostConfig, hostDefaults } from './host/config.ts';
export { EmptyNamespaces, type NamespaceRef } from './host/empty-namespaces.ts';
export * from './host/events.ts';
export { type GuestPatch, guestChanges, madeFrom } from './host/guest-changes.ts';
export * from './host/guest-fields.ts';
export * from './host/guest-pod.ts';
export { type GuestTerms, guestTermsDefaults } from './host/guest-terms.ts';
export type { GuestExplanation } from './host/guest-views.ts';
export { shadowIdOf } from './host/shadow-identity.ts';
export * from './host/host.ts';
export * from './offload/mirrored-status.ts';
export * from './negotiation.ts';
export * from './placement/neighbour-placement.ts';
export type * from './policy/offload-policy.ts';
export { opensPorts, podNetworksJoined } from './offload/pod-network.ts';
export { placingSpec } from './placement/placing-spec.ts';
export * from './policy/policy.ts';
export * from './policy/policy-book.ts';
export * from './offload/readable-pod.ts';
export * from './pod-stream.ts';
export * from './membership/revoked.ts';
export * from './advert/common-shapes.ts';
export { fitCount } from './advert/fit.ts';
export * from './advert/free-capacity.ts';
export * from './advert/template.ts';
export * from './policy/settings-check.ts';
export * from './offload/portability.ts';
export * from './membership/virtual-node.ts';
