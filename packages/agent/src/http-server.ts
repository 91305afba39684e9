/** Health, metrics and questions, over plain HTTP on an address that only operators reach. */
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
    answer(request.method ?? 'GET', request.url ?? '/', response, answers).catch(
      (error: unknown) => {
        send(response, 500, { error: String(error) });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, stop: () => closed(server) };
}

async function answer(
  method: string,
  url: string,
  response: ServerResponse,
  answers: Answers,
): Promise<void> {
  const { pathname, searchParams } = new URL(url, 'http://agent');
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

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
