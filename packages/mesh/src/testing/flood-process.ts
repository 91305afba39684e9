/**
 * Opens connections to one address at a steady rate, as a process of its own, until its parent ends:
 *
 * - `silent`: says nothing.
 * - `rubbish`: says what no handshake begins with.
 * - `halfway`: picks our handshake, and says nothing more.
 * - `strange`: does all of the handshake, for another federation.
 * - `insider`: knows the federation, does all of Noise, and shows a certificate of another one.
 */
import { connect, type Socket } from 'node:net';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { verifyCertificate } from '../identity/certificate.ts';
import { newKey, type PublicKey, readPrivateKey } from '../identity/keys.ts';
import { Revocations } from '../identity/revocations.ts';
import { handshakeProtocol, memberEncrypter } from '../member-encrypter.ts';
import { Refusals } from '../refusals.ts';
import { certificateFor } from './federation.ts';

export type FloodKind = 'silent' | 'rubbish' | 'halfway' | 'strange' | 'insider';

export interface FloodConfig {
  readonly kind: FloodKind;
  /** Multiaddr of TCP over IPv4. */
  readonly target: string;
  readonly perSecond: number;
  /** The federation's root key, as text: an insider has its public half. */
  readonly root: string;
}

export interface FloodCount {
  readonly opened: number;
  /** Of these, not ended yet. */
  readonly open: number;
}

const tickMs = 10;
const dialMsMax = 10_000;

async function main({ kind, target, perSecond, root }: FloodConfig): Promise<void> {
  const open = await opener(kind, target, readPrivateKey(root).publicKey);
  const begun = performance.now();
  let opened = 0;
  let ended = 0;
  const onEnd = (): void => void (ended += 1);
  setInterval(() => {
    const due = Math.floor(((performance.now() - begun) / 1_000) * perSecond);
    for (; opened < due; opened += 1) open(onEnd);
  }, tickMs);
  process.on('message', () => process.send?.({ opened, open: opened - ended }));
  process.on('disconnect', () => process.exit(0));
}

type Open = (onEnd: () => void) => void;

async function opener(kind: FloodKind, target: string, root: PublicKey): Promise<Open> {
  if (kind === 'insider') return await dialler(target, root);
  if (kind === 'strange') return await dialler(target, (await newKey()).publicKey);
  return speaker(target, words[kind]);
}

const words: Readonly<Record<Exclude<FloodKind, 'strange' | 'insider'>, Buffer>> = {
  silent: Buffer.alloc(0),
  rubbish: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  halfway: Buffer.concat([
    lengthPrefixed('/multistream/1.0.0\n'),
    lengthPrefixed(`${handshakeProtocol}\n`),
  ]),
};

function lengthPrefixed(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}

function speaker(target: string, says: Buffer): Open {
  const [, , host = '', , port = ''] = target.split('/');
  return (onEnd) => {
    const socket: Socket = connect(Number(port), host, () => socket.write(says));
    socket.on('error', () => socket.destroy());
    socket.on('close', onEnd);
    socket.resume();
  };
}

async function dialler(target: string, root: PublicKey): Promise<Open> {
  const node = await stranger(root);
  return (onEnd) => {
    node
      .dial(multiaddr(target), { signal: AbortSignal.timeout(dialMsMax), force: true })
      .catch(() => {})
      .finally(onEnd);
  };
}

async function stranger(root: PublicKey): Promise<Libp2p> {
  const key = await newKey();
  const otherRoot = await newKey();
  return await createLibp2p({
    privateKey: key,
    transports: [tcp()],
    connectionEncrypters: [
      memberEncrypter({
        root,
        certificate: await certificateFor(otherRoot, { name: 'mallory', key }),
        verify: (certificate, peer) =>
          verifyCertificate(certificate, { root: otherRoot.publicKey, peer, nowMs: Date.now() }),
        revocations: new Revocations(otherRoot.publicKey),
        onMember: () => {},
        onRevoked: () => {},
        onTurnedAway: () => {},
        refusals: new Refusals({ onFirst: () => {}, onEach: () => {} }),
      }),
    ],
    streamMuxers: [yamux()],
    connectionManager: { maxParallelDials: 1_000, maxDialQueueLength: 10_000 },
  });
}

await main(JSON.parse(process.argv[2] ?? '') as FloodConfig);
