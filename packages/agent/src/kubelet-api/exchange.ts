/**
 * One request of an API server and how it is answered. The answer is HTTP, or the connection becomes
 * something else. Then the head of the answer is written by hand, and bytes follow.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PodStreamHead } from '@spillway/federation';
import { copied, joined } from '@spillway/mesh';

export interface Exchange {
  /** Fires when nobody waits for the answer any more. */
  readonly gone: AbortSignal;
  /** Says a status with its text, as a kubelet. */
  refuse(status: number, message: string): void;
  /** Copies until either end goes; then both have gone. A stream that broke ends in an error here, too. */
  join(head: PodStreamHead, stream: Duplex): Promise<void>;
}

export function responseExchange(response: ServerResponse): Exchange {
  return {
    gone: goneWith(response),
    refuse(status, message) {
      if (response.headersSent) return void response.destroy();
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${message}\n`);
    },
    async join({ status }, stream) {
      response.writeHead(status, { 'content-type': 'text/plain' });
      response.flushHeaders();
      // Nothing is said to the host.
      stream.end();
      response.once('close', () => stream.destroy());
      if (!(await copied(stream, response))) response.destroy();
    },
  };
}

const socketListenersMax = 32;
/** How long a caller that was refused may keep its connection, to read why. */
const lingerMsMax = 5_000;

export function upgradeExchange(request: IncomingMessage, socket: Duplex, first: Buffer): Exchange {
  // One that ends at any moment is no fault of ours.
  socket.on('error', () => {});
  // The server, TLS and both directions of a pipeline all listen to it.
  socket.setMaxListeners(socketListenersMax);
  return {
    gone: goneWith(socket),
    refuse(status, message) {
      const body = `${message}\n`;
      const length = Buffer.byteLength(body);
      const headers = ['Content-Type: text/plain; charset=utf-8', `Content-Length: ${length}`];
      socket.end(`${headOf(status, [...headers, 'Connection: close'])}${body}`);
      const timer = setTimeout(() => socket.destroy(), lingerMsMax);
      socket.once('close', () => clearTimeout(timer));
    },
    async join({ status, headers }, stream) {
      const agreed = headers.map(([name, value]) => `${name}: ${value}`);
      const upgrade = `Upgrade: ${request.headers.upgrade ?? ''}`;
      socket.write(headOf(status, ['Connection: Upgrade', upgrade, ...agreed]));
      if (first.length > 0) socket.unshift(first);
      await joined(socket, stream);
    },
  };
}

function headOf(status: number, headers: readonly string[]): string {
  const first = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
  return `${[first, ...headers].join('\r\n')}\r\n\r\n`;
}

function goneWith(of: Duplex | ServerResponse): AbortSignal {
  const gone = new AbortController();
  of.once('close', () => gone.abort());
  return gone.signal;
}
