/**
 * A relay that is a member and does not do its duty. It records all that passes through it. If an agent asks
 * it for one member, it connects it to another.
 */
import { yamux } from '@chainsafe/libp2p-yamux';
import { circuitRelayServer } from '@libp2p/circuit-relay-v2';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p, PeerId as Libp2pPeer, Stream } from '@libp2p/interface';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { type PeerId, peerId } from '@spillway/core';
import { createLibp2p } from 'libp2p';
import { verifyCertificate } from '../identity/certificate.ts';
import { newKey, type PrivateKey } from '../identity/keys.ts';
import { Revocations } from '../identity/revocations.ts';
import { memberEncrypter } from '../member-encrypter.ts';
import { Refusals } from '../refusals.ts';
import { certificateFor } from './federation.ts';

export interface UntrueRelay {
  readonly addresses: readonly string[];
  /** All that it has passed on to those who were dialled. */
  readonly seen: () => Buffer;
  /** From now on, who asks for `wanted` is led to `other`. */
  readonly mislead: (wanted: PeerId, other: PeerId) => void;
  /** How often it has done so. */
  readonly misled: () => number;
  /** Ends all circuits. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
}

export async function startUntrueRelay(root: PrivateKey): Promise<UntrueRelay> {
  const privateKey = await newKey();
  const seen: Buffer[] = [];
  const circuits = new Set<Stream>();
  const insteadOf = new Map<PeerId, PeerId>();
  let count = 0;
  const honest = circuitRelayServer();
  const node: Libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [
      memberEncrypter({
        root: root.publicKey,
        certificate: await certificateFor(root, { name: 'judas', key: privateKey }),
        verify: (certificate, peer) =>
          verifyCertificate(certificate, { root: root.publicKey, peer, nowMs: Date.now() }),
        onMember: () => {},
        revocations: new Revocations(root.publicKey),
        onRevoked: () => {},
        onTurnedAway: () => {},
        refusals: new Refusals({ onFirst: () => {}, onEach: () => {} }),
      }),
    ],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      relay: (components: Parameters<typeof honest>[0]) => {
        const connectionManager = {
          getConnections(wanted: Libp2pPeer) {
            const other = insteadOf.get(peerId(wanted.toString()));
            if (other !== undefined) count += 1;
            return node
              .getConnections()
              .filter(({ remotePeer }) => remotePeer.toString() === (other ?? wanted.toString()))
              .map((connection) => listened(connection, circuits, seen));
          },
        };
        return honest(
          new Proxy(components, {
            get: (all, name) =>
              name === 'connectionManager'
                ? connectionManager
                : (Reflect.get(all, name) as unknown),
          }),
        );
      },
    },
  });
  return {
    addresses: node.getMultiaddrs().map(String),
    seen: () => Buffer.concat(seen),
    mislead: (wanted, other) => void insteadOf.set(wanted, other),
    misled: () => count,
    cut() {
      for (const circuit of circuits) circuit.abort(new Error('cut'));
      circuits.clear();
    },
    stop: async () => await node.stop(),
  };
}

/** Streams opened on it are remembered, and all that is sent on them is kept. */
function listened(connection: Connection, circuits: Set<Stream>, seen: Buffer[]): Connection {
  const newStream: Connection['newStream'] = async (protocols, options) => {
    const stream = await connection.newStream(protocols, options);
    circuits.add(stream);
    const send = stream.send.bind(stream);
    stream.send = (data) => {
      seen.push(Buffer.from(data.subarray()));
      return send(data);
    };
    return stream;
  };
  return new Proxy(connection, {
    get: (all, name) => (name === 'newStream' ? newStream : (Reflect.get(all, name) as unknown)),
  });
}
