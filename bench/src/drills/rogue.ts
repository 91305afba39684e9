/**
 * A peer that does not follow the rules. It speaks the federation's protocols by its own code, and shows any
 * certificate. It trusts every peer, and says what it wants.
 */
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { ConnectionEncrypter, Libp2p, SecuredConnection } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { lpStream } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import {
  federationIdOf,
  greetingFor,
  handshakeProtocol,
  type PrivateKey,
  type PublicKey,
} from '@spillway/mesh';
import { waitFor } from '@spillway/testbed';
import { createLibp2p } from 'libp2p';

export interface RogueOptions {
  readonly key: PrivateKey;
  /** Undefined: plain Noise, as any libp2p node; empty: our handshake, and nothing shown. */
  readonly certificate: Uint8Array | undefined;
  /** Of the federation that it wants to be heard in. */
  readonly root: PublicKey;
  /** Of the federation that it says it knows; by default the one that it wants to be heard in. */
  readonly greets?: PublicKey;
}

type RogueNode = Libp2p<{ identify: Identify; pubsub: GossipSub }>;

interface RawMessage {
  data?: Uint8Array;
}

const dialMs = 10_000;

export class Rogue {
  readonly #node: RogueNode;
  readonly #topic: string;
  readonly #heard: Uint8Array[] = [];

  private constructor(node: RogueNode, topic: string) {
    this.#node = node;
    this.#topic = topic;
    node.services.pubsub.subscribe(topic);
    node.services.pubsub.addEventListener('message', ({ detail }) => {
      if (detail.topic === topic) this.#heard.push(detail.data);
    });
  }

  static async start({ key, certificate, root, greets = root }: RogueOptions): Promise<Rogue> {
    const topic = `spillway/${federationIdOf(root).toString('hex').slice(0, 16)}/adverts/1`;
    const node = await createLibp2p({
      privateKey: key,
      transports: [tcp()],
      connectionEncrypters: [certificate === undefined ? noise() : showing(certificate, greets)],
      streamMuxers: [yamux()],
      services: {
        identify: identify(),
        pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, fallbackToFloodsub: false }),
      },
    });
    return new Rogue(node, topic);
  }

  /** As `connects`, again and again as agents do. Resolves to how long it took, ms. @throws Fault when not in time */
  async getsIn(address: string, timeoutMs: number): Promise<number> {
    const begun = performance.now();
    await waitFor('a member gets in', async () => (await this.connects(address)) || undefined, {
      timeoutMs,
    });
    return Math.round(performance.now() - begun);
  }

  /** Whether a connection came about and lived for a moment. */
  async connects(address: string): Promise<boolean> {
    try {
      const connection = await this.#node.dial(multiaddr(address), {
        signal: AbortSignal.timeout(dialMs),
      });
      // The other side judges our certificate after we have judged theirs.
      await new Promise((resolve) => setTimeout(resolve, 500));
      return connection.status === 'open';
    } catch {
      return false;
    }
  }

  /** What adverts it has been told, as they travel. */
  get heard(): readonly Uint8Array[] {
    return this.#heard;
  }

  get subscribers(): number {
    return this.#node.services.pubsub.getSubscribers(this.#topic).length;
  }

  async say(data: Uint8Array): Promise<void> {
    await this.#node.services.pubsub.publish(this.#topic, data);
  }

  /** Says `data` with the signature of something else. */
  async sayTampered(data: Uint8Array, tamper: (data: Uint8Array) => Uint8Array): Promise<void> {
    const pubsub = this.#node.services.pubsub as unknown as {
      sendRpc: (id: string, rpc: { messages?: RawMessage[] }) => boolean;
    };
    const honest = pubsub.sendRpc;
    pubsub.sendRpc = (id, rpc) => {
      const messages = rpc.messages?.map((message) =>
        message.data === undefined ? message : { ...message, data: tamper(message.data) },
      );
      return honest.call(pubsub, id, { ...rpc, ...(messages !== undefined && { messages }) });
    };
    try {
      await this.say(data);
    } finally {
      pubsub.sendRpc = honest;
    }
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }
}

/** Come in. */
const welcome = Uint8Array.of(0);

/** The federation's handshake: a greeting, Noise, a certificate of each, a welcome of each. This side believes any. */
function showing(
  certificate: Uint8Array,
  greets: PublicKey,
): (components: Parameters<ReturnType<typeof noise>>[0]) => ConnectionEncrypter {
  return (components) => {
    const inner = noise()(components);
    const shown = async (secured: SecuredConnection): Promise<SecuredConnection> => {
      const channel = lpStream(secured.connection);
      await Promise.all([channel.read(), channel.write(certificate)]);
      await Promise.all([channel.read(), channel.write(welcome)]);
      return { ...secured, connection: channel.unwrap() };
    };
    return {
      protocol: handshakeProtocol,
      secureOutbound: async (connection, options) => {
        connection.send(greetingFor(greets));
        return await shown(await inner.secureOutbound(connection, options));
      },
      secureInbound: async (connection, options) =>
        await shown(await inner.secureInbound(connection, options)),
    };
  };
}
