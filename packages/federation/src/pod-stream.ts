/**
 * One stream of a pod that is away: its log, a command in it, a terminal or a port. The home asks the host
 * that runs its guest; packages/wire carries request and answer, and what follows are bytes that neither
 * looks into. See docs/adr/0037.
 */
import type { PodUid } from '@spillway/core';

export const podStreamKinds = ['log', 'exec', 'attach', 'portforward'] as const;

/** Named as the subresource of the Kubernetes API. */
export type PodStreamKind = (typeof podStreamKinds)[number];

/** Protocols that a connection of HTTP can become, as `Upgrade` names them. */
export const streamUpgrades = ['SPDY/3.1', 'websocket'] as const;
export type StreamUpgrade = (typeof streamUpgrades)[number];

export type NamedValue = readonly [name: string, value: string];

export interface PodStreamRequest {
  readonly uid: PodUid;
  readonly kind: PodStreamKind;
  /** Empty: the API server of the host chooses. */
  readonly container: string;
  /** Of the subresource, in the API's words. */
  readonly parameters: readonly NamedValue[];
  /** Undefined for a log, and for nothing else. */
  readonly upgrade: StreamUpgrade | undefined;
  /** Of `upgradeRequestHeaders`. */
  readonly headers: readonly NamedValue[];
}

/** How the host answers; bytes follow when `status` is 200 or 101. */
export interface PodStreamHead {
  readonly status: number;
  /** Of `upgradeAnswerHeaders`. */
  readonly headers: readonly NamedValue[];
  /** Why not, for a person. */
  readonly message: string;
}

/** In lower case. They agree on a subprotocol; no other header travels, least of all a credential. */
export const upgradeRequestHeaders = [
  'x-stream-protocol-version',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
] as const;
export const upgradeAnswerHeaders = [
  'x-stream-protocol-version',
  'sec-websocket-accept',
  'sec-websocket-protocol',
] as const;

export function isOpen({ status }: PodStreamHead): boolean {
  return status === 200 || status === 101;
}

export function refusedStream(status: number, message: string): PodStreamHead {
  return { status, headers: [], message };
}
