/**
 * Health, metrics and the API under /v1/, over plain HTTP. Anyone may read health and metrics, since
 * kubelets and Prometheus are not on this host.
 *
 * The API answers only loopback. In a pod, these are callers that may forward its ports: the API server has
 * checked their rights before.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault } from '@spillway/core';
import type { Metrics } from '../reporting/metrics.ts';
import type { ApiRequest, ApiResponse } from './api-request.ts';

export interface Answers {
  /** The process makes progress. */
  readonly healthy: () => boolean;
  /** What is still missing before this agent can do its work; undefined when it can. */
  readonly notReady: () => string | undefined;
  /** Whatever is under /v1/. */
  readonly respond: (request: ApiRequest) => Promise<ApiResponse>;
  readonly metrics: Metrics;
}

const bodyBytesMax = 8 * 1024 * 1024;

export interface HttpServer {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startHttpServer(
  options: { readonly host: string; readonly port: number },
  answers: Answers,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(request, response, answers).catch((error: unknown) => {
      const status = error instanceof Fault && error.code === 'InvalidInput' ? 400 : 500;
      send(response, status, { error: error instanceof Fault ? error.message : String(error) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, ...(options.host && { host: options.host }) }, resolve);
  });
  return { port: (server.address() as AddressInfo).port, stop: () => closed(server) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  answers: Answers,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const { pathname, searchParams } = new URL(url, 'http://agent');
  if (pathname.startsWith('/v1/')) {
    if (!isLoopback(request.socket.remoteAddress)) {
      const error = 'questions are answered through kubectl port-forward only';
      return send(response, 403, { error });
    }
    const asked: ApiRequest = {
      method,
      path: pathname,
      query: searchParams,
      body: await bodyOf(request),
    };
    const { status, body } = await answers.respond(asked);
    return send(response, status, body);
  }
  if (method !== 'GET') return send(response, 405, { error: 'only GET is answered' });
  switch (pathname) {
    case '/healthz':
      return answers.healthy() ? send(response, 200, 'ok\n') : send(response, 503, 'stuck\n');
    case '/readyz': {
      const missing = answers.notReady();
      return missing === undefined
        ? send(response, 200, 'ok\n')
        : send(response, 503, `${missing}\n`);
    }
    case '/metrics':
      response.setHeader('content-type', answers.metrics.registry.contentType);
      response.end(await answers.metrics.registry.metrics());
      return;
    default:
      return send(response, 404, { error: `nothing at ${pathname}` });
  }
}

/** @throws Fault `InvalidInput` for what is no JSON or too much. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bodyBytesMax)
      throw new Fault('InvalidInput', `the request is longer than ${bodyBytesMax} bytes`);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (error) {
    throw new Fault('InvalidInput', `the request is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status;
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  response.setHeader('content-type', typeof body === 'string' ? 'text/plain' : 'application/json');
  response.end(text);
}

/** `address` as Node gives it: IPv4 in IPv6 where the socket is dual. */
export function isLoopback(address: string | undefined): boolean {
  const ipv4 = address?.replace(/^::ffff:/, '');
  return ipv4 === '::1' || /^127(\.\d{1,3}){3}$/.test(ipv4 ?? '');
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
