/**
 * The connection encrypter: the dialler's greeting, then Noise. Then both sides show their membership
 * certificate inside the encrypted channel, and say whether they accept the other's. Nothing else may be
 * said before.
 *
 * A stranger never reaches a muxer, GossipSub, identify or a call. A revoked member is shown what the root
 * signed, which it can check itself: no member can lock out another by its own word. See docs/adr/0004 and
 * 0018.
 */
import { noise } from '@chainsafe/libp2p-noise';
import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface';
import { byteStream, lpStream } from '@libp2p/utils';
import { Fault, isFault, type PeerId, peerId } from '@spillway/core';
import { certificateBytesMax } from '@spillway/wire';
import { type FrontDoor, siteOf } from './front-door.ts';
import { greetingBytes, greetingFor, knowsFederation } from './greeting.ts';
import type { CertificateProblem, Membership } from './identity/certificate.ts';
import type { PublicKey } from './identity/keys.ts';
import type { Revocation, Revocations } from './identity/revocations.ts';
import type { Refusals } from './refusals.ts';

type NoiseFactory = ReturnType<typeof noise>;

export interface MemberEncrypterOptions {
  /** The federation's. */
  readonly root: PublicKey;
  readonly certificate: Uint8Array;
  readonly verify: (
    certificate: Uint8Array,
    peer: PeerId,
  ) => Promise<Membership | CertificateProblem>;
  readonly revocations: Revocations;
  readonly onMember: (member: Membership) => void;
  /** It showed a certificate that is good but for being revoked. */
  readonly onRevoked: (member: Membership, revocation: Revocation) => void;
  /** The other side does not take us, and shows this list for it. */
  readonly onTurnedAway: (list: Uint8Array, by: PeerId) => void;
  /** Before the handshakes of connections that come in; undefined where none does. */
  readonly door?: Pick<FrontDoor, 'turn' | 'progressed'>;
  readonly refusals: Refusals;
}

/** As multistream-select names it. */
export const handshakeProtocol = '/spillway/noise/3';
const exchangeMsMax = 10_000;
/** Greeting and first message of Noise come at once. */
const earlyBytesMax = 4_096;
/** How long whom we turn away may take to hear why. */
const farewellMsMax = 1_000;
/** Come in. No revocation list begins so. */
const welcome = Uint8Array.of(0);

export function memberEncrypter(
  options: MemberEncrypterOptions,
): (components: Parameters<NoiseFactory>[0]) => ConnectionEncrypter {
  return (components) => {
    const inner = noise()(components);
    return {
      protocol: handshakeProtocol,
      async secureOutbound(connection, secure) {
        connection.send(greetingFor(options.root));
        const secured = await inner.secureOutbound(connection, secure).catch((error: unknown) => {
          const peer = secure?.remotePeer?.toString() ?? siteOf(connection);
          options.refusals.add({ where: 'connection', reason: hungUp, peer });
          throw error;
        });
        return await proven(secured, options, secure);
      },
      async secureInbound(connection, secure) {
        await greeted(connection, options, secure);
        await options.door?.turn(connection);
        const secured = await inner.secureInbound(connection, secure);
        options.door?.progressed(connection);
        return await proven(secured, options, secure);
      },
    };
  };
}

/** It is of another federation, or too many others want in; or the network failed. */
const hungUp = 'hung up during the handshake';

/** @throws Fault `NotAMember` */
async function greeted(
  connection: MessageStream,
  { root, refusals, door }: MemberEncrypterOptions,
  secure: SecureConnectionOptions | undefined,
): Promise<void> {
  door?.progressed(connection);
  const channel = byteStream(connection, { maxBufferSize: earlyBytesMax });
  const greeting = await channel.read({ bytes: greetingBytes, ...secure });
  channel.unwrap();
  if (knowsFederation(greeting.subarray(), root)) return;
  const reason = 'does not know the federation';
  refusals.add({ where: 'connection', reason, peer: siteOf(connection) });
  throw new Fault('NotAMember', reason);
}

async function proven(
  secured: SecuredConnection,
  options: MemberEncrypterOptions,
  secure: SecureConnectionOptions | undefined,
): Promise<SecuredConnection> {
  const peer = peerId(secured.remotePeer.toString());
  const limit = AbortSignal.timeout(exchangeMsMax);
  const signal = secure?.signal ? AbortSignal.any([secure.signal, limit]) : limit;
  const channel = lpStream(secured.connection, {
    maxDataLength: certificateBytesMax,
    maxBufferSize: 4 * certificateBytesMax,
  });
  try {
    const [certificate] = await Promise.all([
      channel.read({ signal }),
      channel.write(options.certificate, { signal }),
    ]);
    const member = await options.verify(certificate.subarray(), peer);
    if (typeof member === 'string') throw new Fault('NotAMember', `certificate is ${member}`);
    const revocation = options.revocations.of(member);
    if (revocation !== undefined) {
      await turnAway(secured.connection, channel, options.revocations.proof(revocation));
      options.onRevoked(member, revocation);
      throw new Fault('NotAMember', 'certificate is revoked');
    }
    await admitted(channel, { peer, signal, onTurnedAway: options.onTurnedAway });
    options.onMember(member);
    return { ...secured, connection: channel.unwrap() };
  } catch (error) {
    const fault = refusalOf(error, peer);
    // Its refusal of us is not ours of it.
    if (!isFault(error, 'PermissionDenied'))
      options.refusals.add({ where: 'connection', reason: fault.reason, peer });
    secured.connection.abort(fault.fault);
    throw fault.fault;
  }
}

function refusalOf(
  error: unknown,
  peer: PeerId,
): { readonly reason: string; readonly fault: Fault } {
  const known = isFault(error, 'NotAMember') || isFault(error, 'PermissionDenied');
  const reason = known ? error.message : 'no certificate was shown';
  const fault = new Fault('NotAMember', `peer ${peer}: ${reason}`, { cause: error });
  return { reason, fault };
}

type Channel = ReturnType<typeof lpStream<MessageStream>>;

/** Takes the other side, if it takes us. @throws Fault `PermissionDenied` if not. */
async function admitted(
  channel: Channel,
  options: {
    readonly peer: PeerId;
    readonly signal: AbortSignal;
    readonly onTurnedAway: MemberEncrypterOptions['onTurnedAway'];
  },
): Promise<void> {
  const { signal } = options;
  // It may have turned us away and closed already: what it said is there to be read all the same.
  const [, read] = await Promise.allSettled([
    channel.write(welcome, { signal }),
    channel.read({ signal }),
  ]);
  if (read.status === 'rejected')
    throw new Fault('PermissionDenied', 'it does not take us', { cause: read.reason });
  const answer = read.value.subarray();
  if (answer.length === 1 && answer[0] === welcome[0]) return;
  options.onTurnedAway(answer, options.peer);
  throw new Fault('PermissionDenied', 'it takes us for revoked');
}

/** Says why, and waits until that is read: what is aborted may never arrive. */
async function turnAway(
  connection: MessageStream,
  channel: Channel,
  proof: Uint8Array,
): Promise<void> {
  const signal = AbortSignal.timeout(farewellMsMax);
  try {
    await channel.write(proof, { signal });
    await connection.close({ signal });
  } catch {
    // It is refused all the same, and asks again.
  }
}
