/**
 * Whether the pods of two clusters reach each other by their addresses. Only the federation's root says so:
 * the certificates of both have an equal attribute `pod-network`. Everywhere else an address of a guest
 * means nothing at home, or some other pod: clusters have equal pod CIDRs more often than not.
 */
import { type Container, type Pod, wellKnown } from '@spillway/core';

type Attributes = Readonly<Record<string, string>>;

/** Undefined while nothing is known of the other cluster. */
export function podNetworksJoined(
  own: Attributes,
  other: Attributes | undefined,
): boolean | undefined {
  const network = own[wellKnown.podNetworkAttribute];
  if (!network) return false;
  return other && other[wellKnown.podNetworkAttribute] === network;
}

/** Whether a Service is likely to select it: the address of a batch job is not interesting. */
export function opensPorts({ spec }: Pod): boolean {
  const opens = ({ ports }: Container): boolean => ports !== undefined && ports.length > 0;
  return spec.containers.some(opens) || (spec.initContainers ?? []).some(opens);
}
