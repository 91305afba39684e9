/**
 * The kubelet's API for virtual nodes. An API server asks it for the log of a pod that is away, for a command
 * in it, or for one of its ports. The agent accepts the callers that a kubelet would accept, finds the host of
 * the pod, and carries the bytes. See docs/adr/0037.
 */
import { constants } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type ClusterName, Fault, isFault, virtualNodeName } from '@spillway/core';
import { type PodAway, type PodStreamRequest, refusedStream } from '@spillway/federation';
import type { OpenedStream } from '@spillway/mesh';
import { accessesTo, callerOf, refusalOf, type Reviews } from './access.ts';
import { type Asked, askedOf, isThatPod } from './asked.ts';
import { type Exchange, responseExchange, upgradeExchange } from './exchange.ts';
import type { ServingCertificate } from './self-signed.ts';

/** What a handshake goes by. */
export interface Trust {
  readonly serving: ServingCertificate;
  /** PEM, of clients' certificates; undefined: none is believed. */
  readonly clientCa: string | undefined;
}

export interface KubeletServerOptions {
  readonly address: string;
  readonly port: number;
  /** Maximum number of streams at once. */
  readonly streamsMax: number;
  readonly trust: Trust;
  readonly reviews: Reviews;
  readonly podAway: (namespace: string, name: string) => PodAway | undefined;
  readonly open: (
    host: ClusterName,
    request: PodStreamRequest,
    signal: AbortSignal,
  ) => Promise<OpenedStream>;
  readonly onProblem: (error: unknown) => void;
}

/** An API server keeps one for each stream, and some to spare. */
const connectionsMax = 1_024;
/** A TLS handshake, and the head of a request. */
const headMsMax = 10_000;
/** The command of an exec is in the head. */
const headBytesMax = 256 * 1024;
/** As a kubelet's: API servers use a connection again within it. */
const idleMs = 90_000;

export class KubeletServer {
  readonly #options: KubeletServerOptions;
  readonly #server: Server;
  #trust: Trust;
  #streams = 0;

  constructor(options: KubeletServerOptions) {
    this.#options = options;
    this.#trust = options.trust;
    this.#server = createServer({
      ...this.#secureContext(),
      // Always asked for, so that a CA that is learnt later counts; without a CA none is believed.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: headMsMax,
      headersTimeout: headMsMax,
      keepAliveTimeout: idleMs,
      maxHeaderSize: headBytesMax,
    });
    this.#server.maxConnections = connectionsMax;
    this.#server.on('request', (request, response) => {
      void this.#answer(request, responseExchange(response));
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#answer(request, upgradeExchange(request, socket, head));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @throws Fault `InvalidConfig` when the address can't be listened on. */
  async start(): Promise<void> {
    const { address: host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => {
        const where = `kubelet.address ${host}, port ${port}`;
        reject(new Fault('InvalidConfig', `${where}: ${error.message}`, { cause: error }));
      });
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.on('error', (error) => this.#options.onProblem(error));
  }

  /** For connections that are opened from now on. */
  trust(trust: Trust): void {
    if (JSON.stringify(trust) === JSON.stringify(this.#trust)) return;
    this.#trust = trust;
    this.#server.setSecureContext(this.#secureContext());
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /**
   * Sessions are not resumed: one would count under a CA of before. Without a CA, Node takes all those that
   * browsers trust, so there is always one; see `callerOf` for where it is not the clients'.
   */
  #secureContext() {
    const { serving, clientCa } = this.#trust;
    return { ...serving, ca: clientCa ?? serving.cert, secureOptions: constants.SSL_OP_NO_TICKET };
  }

  async #answer(request: IncomingMessage, exchange: Exchange): Promise<void> {
    try {
      const { method = '', url = '/', headersDistinct: headers } = request;
      const asked = askedOf({ method, url, headers });
      const away = asked.kind === 'stream' ? this.#away(asked) : undefined;
      const refusal = await this.#refusal(request, asked, away);
      if (refusal !== undefined) return exchange.refuse(refusal.status, refusal.message);
      if (asked.kind === 'health') return exchange.refuse(200, 'ok');
      if (asked.kind === 'refused') return exchange.refuse(asked.status, asked.message);
      if (away === undefined) return exchange.refuse(404, `pod "${asked.pod}" does not exist`);
      await this.#carry(away.host, { ...asked.stream, uid: away.uid }, exchange);
    } catch (error) {
      if (!isFault(error)) this.#options.onProblem(error);
      exchange.refuse(500, isFault(error) ? error.message : 'internal error');
    }
  }

  #away(asked: Extract<Asked, { kind: 'stream' }>): PodAway | undefined {
    const away = this.#options.podAway(asked.namespace, asked.pod);
    return away !== undefined && isThatPod(asked, away.uid) ? away : undefined;
  }

  async #refusal(request: IncomingMessage, { kind }: Asked, away: PodAway | undefined) {
    const { reviews } = this.#options;
    const user = await callerOf(reviews, {
      socket: request.socket as TLSSocket,
      authorization: request.headers.authorization,
      certificates: this.#trust.clientCa !== undefined,
    });
    const node = away === undefined ? '' : virtualNodeName(away.host);
    const accesses = accessesTo(kind === 'refused' ? 'other' : kind, request.method ?? '', node);
    return await refusalOf(reviews, user, accesses);
  }

  async #carry(host: ClusterName, request: PodStreamRequest, exchange: Exchange): Promise<void> {
    const { streamsMax, open } = this.#options;
    if (this.#streams >= streamsMax) {
      return exchange.refuse(429, `maximum of ${streamsMax} streams of pods that are away`);
    }
    this.#streams += 1;
    try {
      const { head, duplex } = await open(host, request, exchange.gone).catch((error: unknown) => ({
        head: refusedStream(502, `neighbour ${host}: ${(error as Error).message}`),
        duplex: undefined,
      }));
      const opened = duplex !== undefined && head.status < 400;
      if (opened) await exchange.join(head, duplex);
      else exchange.refuse(head.status, head.message);
    } finally {
      this.#streams -= 1;
    }
  }
}
