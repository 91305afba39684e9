/**
 * Identifiers, branded so that a pod's UID can't be passed where a cluster's name is meant.
 * The constructors check the syntax; codecs call them on everything that comes in.
 */
import type { Brand } from './brand.ts';
import { Fault } from './fault.ts';

/** A cluster's name in its federation: an RFC 1123 label of at most 40 characters. */
export type ClusterName = Brand<string, 'ClusterName'>;
/** A libp2p peer id in its base58btc or CID text form. */
export type PeerId = Brand<string, 'PeerId'>;
/** `metadata.uid` of a pod, unique within its cluster forever. */
export type PodUid = Brand<string, 'PodUid'>;
/** `metadata.name` of a Node. */
export type NodeName = Brand<string, 'NodeName'>;
/** A reservation's id, chosen by the host, unique within the life of a host agent. */
export type ReservationId = Brand<string, 'ReservationId'>;

/** 40, so that `spillway-<cluster>-<namespace>` leaves room for a namespace within 63. */
export const clusterNameLengthMax = 40;

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** @throws Fault `InvalidId` when `text` is no RFC 1123 label of at most 40 characters. */
export function clusterName(text: string): ClusterName {
  if (text.length > clusterNameLengthMax || !label.test(text)) {
    throw new Fault(
      'InvalidId',
      `cluster name ${spelled(text)}: use 1 to ${clusterNameLengthMax} lower-case letters, digits and "-", beginning and ending with a letter or digit`,
    );
  }
  return text as ClusterName;
}

/** @throws Fault `InvalidId` when `text` is empty or longer than 128 characters. */
export function podUid(text: string): PodUid {
  return bounded(text, 'pod UID') as PodUid;
}

/** @throws Fault `InvalidId` when `text` is empty or longer than 253 characters. */
export function nodeName(text: string): NodeName {
  return bounded(text, 'node name', 253) as NodeName;
}

/** @throws Fault `InvalidId` when `text` is empty or longer than 128 characters. */
export function peerId(text: string): PeerId {
  return bounded(text, 'peer id') as PeerId;
}

/** @throws Fault `InvalidId` when `text` is empty or longer than 128 characters. */
export function reservationId(text: string): ReservationId {
  return bounded(text, 'reservation id') as ReservationId;
}

/** Letters that only look like ASCII are shown as what they are. */
function spelled(text: string): string {
  return JSON.stringify(text.slice(0, 80)).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function bounded(text: string, what: string, lengthMax = 128): string {
  if (text.length === 0 || text.length > lengthMax) {
    throw new Fault(
      'InvalidId',
      `${what}: expected 1 to ${lengthMax} characters, got ${text.length}`,
    );
  }
  return text;
}
