/**
 * The connection encrypter: Noise, then both sides show their membership certificate inside the
 * encrypted channel, before anything else may be said. A stranger never reaches a muxer, GossipSub,
 * identify or a call. See docs/adr/0004.
 */
import { noise } from '@chainsafe/libp2p-noise';
import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import { Fault, isFault, type PeerId, peerId } from '@spillway/core';
import { certificateBytesMax } from '@spillway/wire';
import type { CertificateProblem, Membership } from './identity/certificate.ts';
import type { Refusals } from './refusals.ts';

type NoiseFactory = ReturnType<typeof noise>;

export interface MemberEncrypterOptions {
  readonly certificate: Uint8Array;
  readonly verify: (
    certificate: Uint8Array,
    peer: PeerId,
  ) => Promise<Membership | CertificateProblem>;
  readonly onMember: (member: Membership, certificate: Uint8Array) => void;
  readonly refusals: Refusals;
}

const exchangeMsMax = 10_000;

export function memberEncrypter(
  options: MemberEncrypterOptions,
): (components: Parameters<NoiseFactory>[0]) => ConnectionEncrypter {
  return (components) => {
    const inner = noise()(components);
    return {
      protocol: '/spillway/noise/1',
      async secureOutbound(connection, secure) {
        return await proven(await inner.secureOutbound(connection, secure), options, secure);
      },
      async secureInbound(connection, secure) {
        return await proven(await inner.secureInbound(connection, secure), options, secure);
      },
    };
  };
}

async function proven(
  secured: SecuredConnection,
  options: MemberEncrypterOptions,
  secure: SecureConnectionOptions | undefined,
): Promise<SecuredConnection> {
  const peer = peerId(secured.remotePeer.toString());
  try {
    const { certificate, connection } = await exchanged(
      secured.connection,
      options.certificate,
      secure,
    );
    const member = await options.verify(certificate, peer);
    if (typeof member === 'string') throw new Fault('NotAMember', `certificate is ${member}`);
    options.onMember(member, certificate);
    return { ...secured, connection };
  } catch (error) {
    const reason = isFault(error, 'NotAMember') ? error.message : 'no certificate was shown';
    options.refusals.add({ where: 'connection', reason, peer });
    const fault = new Fault('NotAMember', `peer ${peer}: ${reason}`, { cause: error });
    secured.connection.abort(fault);
    throw fault;
  }
}

async function exchanged(
  connection: MessageStream,
  own: Uint8Array,
  secure: SecureConnectionOptions | undefined,
): Promise<{ readonly certificate: Uint8Array; readonly connection: MessageStream }> {
  const limit = AbortSignal.timeout(exchangeMsMax);
  const signal = secure?.signal ? AbortSignal.any([secure.signal, limit]) : limit;
  const channel = lpStream(connection, {
    maxDataLength: certificateBytesMax,
    maxBufferSize: 4 * certificateBytesMax,
  });
  const [certificate] = await Promise.all([
    channel.read({ signal }),
    channel.write(own, { signal }),
  ]);
  return { certificate: certificate.subarray(), connection: channel.unwrap() };
}
