/**
 * Health, metrics and questions, over plain HTTP. Health and metrics are told to anyone, since kubelets
 * and Prometheus come from elsewhere. Questions are answered to loopback only, that is in a pod to who
 * may forward its ports: the API server has asked the asker's own rights by then.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export interface Answers {
  /** The process makes progress. */
  readonly healthy: () => boolean;
  /** What is still missing before this agent can do its work; undefined when it can. */
  readonly notReady: () => string | undefined;
  readonly status: () => unknown;
  readonly neighbours: () => unknown;
  /** Undefined when there is no such pod of ours. */
  readonly explainPod: (namespace: string, name: string) => unknown;
  readonly metrics: Metrics;
}

export interface HttpServer {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startHttpServer(
  options: { readonly host: string; readonly port: number },
  answers: Answers,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    const asked = { method, url, local: isLoopback(request.socket.remoteAddress) };
    answer(asked, response, answers).catch((error: unknown) => {
      send(response, 500, { error: String(error) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, ...(options.host && { host: options.host }) }, resolve);
  });
  return { port: (server.address() as AddressInfo).port, stop: () => closed(server) };
}

interface Asked {
  readonly method: string;
  readonly url: string;
  /** By a process that shares our network namespace, or whoever it forwards for. */
  readonly local: boolean;
}

async function answer(
  { method, url, local }: Asked,
  response: ServerResponse,
  answers: Answers,
): Promise<void> {
  const { pathname, searchParams } = new URL(url, 'http://agent');
  if (method !== 'GET') return send(response, 405, { error: 'only GET is answered' });
  if (pathname.startsWith('/v1/') && !local) {
    const error = 'questions are answered through kubectl port-forward only';
    return send(response, 403, { error });
  }
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
    case '/v1/status':
      return send(response, 200, answers.status());
    case '/v1/neighbours':
      return send(response, 200, answers.neighbours());
    case '/v1/explain': {
      const name = searchParams.get('name') ?? '';
      const explanation = answers.explainPod(searchParams.get('namespace') ?? 'default', name);
      return explanation === undefined
        ? send(response, 404, { error: `no pod ${name} that is ours to place or away` })
        : send(response, 200, explanation);
    }
    default:
      return send(response, 404, { error: `nothing at ${pathname}` });
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
