/**
 * Requests to one API server, over kept-alive connections, raw JSON in and out. client-node finds the server
 * and the credentials (kubeconfig, service account, exec plugins, token rotation). Its typed calls are not
 * used: they turn every object into class instances and back. Spillway passes objects on as they came. See
 * docs/adr/0011.
 */
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { Fault } from '@spillway/core';
import { ApiFault, faultOfError, faultOfResponse } from './api-fault.ts';

export type ApiClientOptions = (
  | {
      /** Empty: the pod's own service account. */
      readonly kubeconfig: string;
      readonly context?: string;
    }
  /** Found and chosen already. */
  | { readonly config: KubeConfig }
) & {
  /** Who asks, as API servers write it into their audit logs. */
  readonly userAgent?: string;
};

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly deadlineMs?: number;
}

/** Of a stream that lasts as long as its user likes. */
export interface StreamRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly signal: AbortSignal;
}

/** `upgraded`: both sides speak; the body of a response otherwise. */
export type StreamResponse =
  | { readonly response: IncomingMessage; readonly upgraded?: never }
  | { readonly response: IncomingMessage; readonly upgraded: Duplex };

interface Credentials {
  readonly options: RequestOptions;
  readonly agent: Agent;
  /** One connection for each stream, apart from those of calls: a stream must not keep a call waiting. */
  readonly streams: Agent;
  /** What the agent's connections were made with: another needs another agent. */
  readonly tls: string;
  readonly until: number;
}

const deadlineMsDefault = 10_000;
/** How long credentials are used before client-node is asked again: it refreshes those that expire. */
const credentialsMs = 30_000;
const socketsMax = 64;
const bodyBytesMax = 256 * 1024 * 1024;
/** A server that says when to come back (429, or 5xx with Retry-After) has done nothing: as client-go. */
const triesMax = 4;
const retryAfterMsMax = 5_000;

export class ApiClient {
  readonly #config: KubeConfig;
  readonly #userAgent: string;
  readonly #server: URL;
  #credentials: Credentials | undefined;
  #refreshing: Promise<RequestOptions> | undefined;

  /** @throws Fault `InvalidConfig` when the kubeconfig can't be read or names no cluster. */
  constructor(options: ApiClientOptions) {
    this.#userAgent = options.userAgent ?? 'spillway';
    this.#config = 'config' in options ? options.config : loaded(options);
    const cluster = this.#config.getCurrentCluster();
    if (!cluster?.server) {
      throw new Fault(
        'InvalidConfig',
        `kubeconfig: ${('kubeconfig' in options && options.kubeconfig) || 'context'} names no cluster`,
      );
    }
    this.#server = new URL(cluster.server);
  }

  /**
   * Tries again, within the deadline, when the server says when to come back; else once.
   *
   * @throws Fault by status: NotFound, Conflict, PermissionDenied, InvalidInput, ResourceExhausted, Unavailable, DeadlineExceeded.
   */
  async call<T>(call: ApiRequest): Promise<T> {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const ends = performance.now() + (call.deadlineMs ?? deadlineMsDefault);
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once<T>(call, body, Math.max(1, ends - performance.now()));
      } catch (error) {
        const waitMs = waitBeforeRetryMs(error);
        if (waitMs === undefined || tries === triesMax || performance.now() + waitMs >= ends) {
          throw error;
        }
        await sleep(waitMs);
      }
    }
  }

  /**
   * Lines of a watch. Ends when the server ends it, throws when it breaks, when nothing at all comes
   * for `idleMs`, or when `signal` fires.
   */
  async *lines(
    path: string,
    options: { readonly idleMs: number; readonly signal: AbortSignal },
  ): AsyncIterable<string> {
    const response = await this.#send(
      { method: 'GET', path },
      undefined,
      deadlineMsDefault,
      options.signal,
    );
    if (response.statusCode !== 200) throw await this.#refusal(response, `GET ${path}`);
    response.setTimeout(options.idleMs, () => {
      response.destroy(new Fault('Unavailable', `GET ${path}: silent for ${options.idleMs} ms`));
    });
    const abort = (): void => void response.destroy(new Fault('Cancelled', 'stopped'));
    options.signal.addEventListener('abort', abort, { once: true });
    try {
      const lines = createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
      let broken: Error | undefined;
      response.on('error', (error) => {
        broken = error;
        lines.close();
      });
      for await (const line of lines) yield line;
      if (broken !== undefined) throw broken;
    } catch (error) {
      throw faultOfError(error, `GET ${path}`);
    } finally {
      options.signal.removeEventListener('abort', abort);
      response.destroy();
    }
  }

  /**
   * Has no deadline: the answer to a log comes with its first byte.
   *
   * @throws Fault `Unavailable` when the server can't be reached, `Cancelled` when `signal` fires.
   */
  async stream(asked: StreamRequest): Promise<StreamResponse> {
    const { signal } = asked;
    await this.#options();
    const { options, streams: agent } = this.#credentials as Credentials;
    return await new Promise((resolve, reject) => {
      const request = httpsRequest({
        ...options,
        agent,
        ...this.#target(asked),
        headers: { ...this.#headers(options), ...asked.headers },
        signal,
      });
      request.setNoDelay(true);
      request.once('response', (response) => resolve({ response }));
      request.once('upgrade', (response, upgraded, head) => {
        if (head.length > 0) upgraded.unshift(head);
        resolve({ response, upgraded });
      });
      request.once('error', (error) => {
        const what = `${asked.method} ${asked.path}`;
        reject(signal.aborted ? new Fault('Cancelled', what) : faultOfError(error, what));
      });
      request.end();
    });
  }

  close(): void {
    this.#credentials?.agent.destroy();
    this.#credentials?.streams.destroy();
  }

  async #once<T>(call: ApiRequest, body: Buffer | undefined, deadlineMs: number): Promise<T> {
    const what = `${call.method} ${call.path}`;
    const response = await this.#send(call, body, deadlineMs);
    const status = response.statusCode ?? 0;
    if (status < 200 || status >= 300) throw await this.#refusal(response, what);
    const text = await readAll(response, what);
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new Fault('Unavailable', `${what}: ${status}, but no JSON: ${text.slice(0, 200)}`, {
        cause: error,
      });
    }
  }

  async #refusal(response: IncomingMessage, what: string): Promise<ApiFault> {
    const status = response.statusCode ?? 0;
    // A token may have been rotated before its time: the next call asks for the present one.
    if (status === 401 && this.#credentials) this.#credentials = { ...this.#credentials, until: 0 };
    const retryAfter = response.headers['retry-after'];
    return faultOfResponse({ status, text: await readAll(response, what), what, retryAfter });
  }

  async #send(
    call: ApiRequest,
    body: Buffer | undefined,
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const credentials = await this.#options();
    return await new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          ...credentials,
          ...this.#target(call),
          headers: {
            ...this.#headers(credentials),
            accept: 'application/json',
            ...(body && {
              'content-type': call.contentType ?? 'application/json',
              'content-length': body.length,
            }),
          },
          ...(signal && { signal }),
        },
        (response) => {
          clearTimeout(timer);
          if (signal === undefined) armBodyDeadline(response, deadlineMs);
          resolve(response);
        },
      );
      const timer = setTimeout(() => {
        request.destroy(
          new Fault(
            'DeadlineExceeded',
            `${call.method} ${call.path}: no answer in ${deadlineMs} ms`,
          ),
        );
      }, deadlineMs);
      request.setNoDelay(true);
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(faultOfError(error, `${call.method} ${call.path}`));
      });
      request.end(body);
    });
  }

  #target({ method, path }: { readonly method: string; readonly path: string }): RequestOptions {
    const { hostname: host, port, pathname } = this.#server;
    return { method, host, port: port || 443, path: `${pathname.replace(/\/$/, '')}${path}` };
  }

  #headers({ headers }: RequestOptions): Readonly<Record<string, string>> {
    return { ...(headers as Record<string, string> | undefined), 'user-agent': this.#userAgent };
  }

  async #options(): Promise<RequestOptions> {
    const known = this.#credentials;
    if (known !== undefined && known.until > performance.now()) return known.options;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return await this.#refreshing;
  }

  async #refresh(): Promise<RequestOptions> {
    const fresh: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(fresh);
    } catch (error) {
      throw new Fault('Unavailable', `credentials: ${(error as Error).message}`, { cause: error });
    }
    const { agent: _agent, headers, auth, ca, cert, key, rejectUnauthorized, servername } = fresh;
    const tls = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(servername !== undefined && { servername }),
    };
    const known = this.#credentials;
    const tlsText = JSON.stringify(tls);
    const kept = known?.tls === tlsText ? known : undefined;
    // Calls under way finish on the old agent's connections, which the server ends when they idle.
    const agent = kept?.agent ?? new Agent({ keepAlive: true, maxSockets: socketsMax, ...tls });
    const streams = kept?.streams ?? new Agent({ keepAlive: false, ...tls });
    const options: RequestOptions = {
      agent,
      ...(headers !== undefined && { headers }),
      ...(auth != null && { auth }),
    };
    const until = performance.now() + credentialsMs;
    this.#credentials = { options, agent, streams, tls: tlsText, until };
    return options;
  }
}

function loaded(options: { readonly kubeconfig: string; readonly context?: string }): KubeConfig {
  const config = new KubeConfig();
  try {
    if (options.kubeconfig === '') config.loadFromCluster();
    else config.loadFromFile(options.kubeconfig);
    if (options.context !== undefined) config.setCurrentContext(options.context);
    return config;
  } catch (error) {
    const where = options.kubeconfig || 'the pod’s service account';
    throw new Fault(
      'InvalidConfig',
      `kubeconfig: ${where} can't be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function armBodyDeadline(response: IncomingMessage, deadlineMs: number): void {
  const timer = setTimeout(() => {
    response.destroy(new Fault('DeadlineExceeded', `answer not whole after ${deadlineMs} ms`));
  }, deadlineMs);
  response.once('close', () => clearTimeout(timer));
}

async function readAll(response: IncomingMessage, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > bodyBytesMax)
        throw new Fault('InvalidInput', `${what}: answer of more than ${bodyBytesMax} bytes`);
    }
  } catch (error) {
    throw faultOfError(error, what);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function waitBeforeRetryMs(error: unknown): number | undefined {
  if (!(error instanceof ApiFault) || error.retryAfterMs === undefined) return undefined;
  const retryable = error.status === 429 || error.status >= 500;
  return retryable ? Math.min(error.retryAfterMs, retryAfterMsMax) : undefined;
}
