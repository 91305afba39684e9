/** How two members are connected: directly, or through a third one that relays. */
import type { Connection } from '@libp2p/interface';
import { type PeerId, peerId } from '@spillway/core';

export type Path =
  | { readonly kind: 'direct' }
  | { readonly kind: 'relayed'; readonly via: PeerId | undefined };

const circuit = '/p2p-circuit';

export function isRelayedAddress(address: string): boolean {
  return address.includes(circuit);
}

export function pathOf({ direct, remoteAddr }: Connection): Path {
  if (direct) return { kind: 'direct' };
  const [, relay] = /\/p2p\/([^/]+)\/p2p-circuit/.exec(remoteAddr.toString()) ?? [];
  return { kind: 'relayed', via: relay === undefined ? undefined : peerId(relay) };
}

/** Of the open connections to one peer the one to use: direct before relayed, then the oldest. */
export function bestOf(connections: readonly Connection[]): Connection | undefined {
  const open = connections.filter(({ status }) => status === 'open');
  return open.find(({ direct }) => direct) ?? open[0];
}

/** The one connection to use to each peer, by peer id. */
export function inUse(connections: readonly Connection[]): ReadonlyMap<string, Connection> {
  const used = new Map<string, Connection>();
  for (const each of connections) {
    const peer = each.remotePeer.toString();
    const other = used.get(peer);
    const best = bestOf(other === undefined ? [each] : [other, each]);
    if (best !== undefined) used.set(peer, best);
  }
  return used;
}

/** Where a member that waits at a relay is to be found. */
export function circuitAddress(
  relayAddress: string,
  { relay, member }: { readonly relay: PeerId; readonly member: PeerId },
): string {
  const at = relayAddress.includes('/p2p/') ? relayAddress : `${relayAddress}/p2p/${relay}`;
  return `${at}${circuit}/p2p/${member}`;
}
