/** Peer ids that people type. One that no key of ours can have would be signed, and never be used. */
import { peerIdFromString } from '@libp2p/peer-id';
import { Fault, type PeerId, peerId } from '@spillway/core';

/**
 * Only the text that Spillway itself shows: base58, Ed25519. A second text of the same key would be
 * another peer wherever texts are compared.
 *
 * @throws Fault `InvalidId`
 */
export function ed25519PeerId(text: string): PeerId {
  if (typeOf(text) !== 'Ed25519') {
    throw new Fault(
      'InvalidId',
      `peer id ${JSON.stringify(text.slice(0, 128))}: expected that of an Ed25519 key, such as 12D3KooW…`,
    );
  }
  return peerId(text);
}

function typeOf(text: string): string | undefined {
  try {
    const peer = peerIdFromString(text);
    return peer.toString() === text ? peer.type : undefined;
  } catch {
    return undefined;
  }
}
