/**
 * A proxy to a real API server with faults. It passes everything on, and records the requests. On demand it
 * refuses, delays, ends in the middle of a line, or lets nothing through.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Cluster } from '@spillway/testbed';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
}

/** What happens to a request instead of being passed on as it is. */
export type Mishap =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection ends inside the line after `lines` whole ones. */
  | { readonly kind: 'breakOff'; readonly lines: number }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'otherPath'; readonly path: string };

export class BadRoad {
  /** The same credentials, by this road. */
  readonly kubeconfig: string;
  readonly asked: Asked[] = [];
  /** Asked for each request; undefined: it is passed on. */
  mishap: (asked: Asked) => Mishap | undefined = () => undefined;
  readonly #server: Server;
  readonly #upstream: URL;
  readonly #ca: Buffer;
  readonly #sockets = new Set<Duplex>();
  #cut = false;

  private constructor(cluster: Cluster, kubeconfig: string) {
    const certificate = readFileSync(join(cluster.folder, 'certs', 'apiserver.crt'));
    this.#ca = certificate;
    this.#upstream = new URL(cluster.server);
    this.kubeconfig = `${kubeconfig}.bad-road`;
    this.#server = createServer(
      { key: readFileSync(join(cluster.folder, 'certs', 'apiserver.key')), cert: certificate },
      (incoming, outgoing) => this.#pass(incoming, outgoing),
    );
    this.#server.on('connection', (socket) => {
      if (this.#cut) return void socket.destroy();
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(cluster: Cluster, kubeconfig: string): Promise<BadRoad> {
    const road = new BadRoad(cluster, kubeconfig);
    await new Promise<void>((resolve) => road.#server.listen(0, '127.0.0.1', resolve));
    const { port } = road.#server.address() as AddressInfo;
    const text = readFileSync(kubeconfig, 'utf8');
    writeFileSync(road.kubeconfig, text.replace(cluster.server, `https://127.0.0.1:${port}`), {
      mode: 0o600,
    });
    return road;
  }

  /** Open connections break, and no new one comes about until `heal`. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#cut = false;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const asked = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      atMs: performance.now(),
    };
    this.asked.push(asked);
    const mishap = this.mishap(asked);
    if (mishap?.kind === 'answer') {
      incoming.resume();
      outgoing.writeHead(mishap.status, mishap.headers).end(mishap.body);
      return;
    }
    const path = mishap?.kind === 'otherPath' ? mishap.path : asked.path;
    const forward = (): void => {
      const onward = request(
        {
          host: this.#upstream.hostname,
          port: this.#upstream.port,
          ca: this.#ca,
          agent: false,
          method: asked.method,
          path,
          headers: incoming.headers,
        },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          outgoing.flushHeaders();
          if (mishap?.kind === 'breakOff') breakOff(answer, outgoing, mishap.lines);
          else answer.pipe(outgoing);
          answer.on('error', () => outgoing.destroy());
        },
      );
      onward.on('error', () => outgoing.destroy());
      outgoing.on('close', () => onward.destroy());
      incoming.pipe(onward);
    };
    if (mishap?.kind === 'delay') setTimeout(forward, mishap.ms);
    else forward();
  }
}

function breakOff(answer: IncomingMessage, outgoing: ServerResponse, lines: number): void {
  let left = lines;
  answer.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      if (left === 0) {
        const half = from + Math.ceil((end - from) / 2);
        outgoing.write(chunk.subarray(from, half), () => outgoing.destroy());
        answer.destroy();
        return;
      }
      left -= 1;
      outgoing.write(chunk.subarray(from, end + 1));
      from = end + 1;
    }
    outgoing.write(chunk.subarray(from));
  });
}
