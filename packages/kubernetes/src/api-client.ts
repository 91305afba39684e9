/**
 * Requests to one API server, over kept-alive connections, raw JSON in and out. client-node finds the
 * server and the credentials (kubeconfig, service account, exec plugins, token rotation); its typed
 * calls are not used, since they turn every object into class instances and back, and Spillway passes
 * on objects as they came. See docs/adr/0031.
 */
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { KubeConfig } from '@kubernetes/client-node';
import { Fault, type FaultCode } from '@spillway/core';

export interface ApiClientOptions {
  /** Empty: the pod's own service account. */
  readonly kubeconfig: string;
  readonly context?: string;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly deadlineMs?: number;
}

const deadlineMsDefault = 10_000;
/** How long credentials are used before client-node is asked again: it refreshes those that expire. */
const credentialsMs = 30_000;
const socketsMax = 64;
const bodyBytesMax = 256 * 1024 * 1024;

export class ApiClient {
  readonly #config: KubeConfig;
  readonly #server: URL;
  #credentials:
    | { readonly options: RequestOptions; readonly agent: Agent; readonly until: number }
    | undefined;
  #refreshing: Promise<RequestOptions> | undefined;

  /** @throws Fault `InvalidConfig` when the kubeconfig can't be read or names no cluster. */
  constructor(options: ApiClientOptions) {
    this.#config = new KubeConfig();
    try {
      if (options.kubeconfig === '') this.#config.loadFromCluster();
      else this.#config.loadFromFile(options.kubeconfig);
      if (options.context !== undefined) this.#config.setCurrentContext(options.context);
    } catch (error) {
      const where = options.kubeconfig || 'the pod’s service account';
      throw new Fault(
        'InvalidConfig',
        `kubeconfig: ${where} can't be read: ${(error as Error).message}`,
        { cause: error },
      );
    }
    const cluster = this.#config.getCurrentCluster();
    if (!cluster?.server) {
      throw new Fault(
        'InvalidConfig',
        `kubeconfig: ${options.kubeconfig || 'in-cluster'} names no cluster`,
      );
    }
    this.#server = new URL(cluster.server);
  }

  /** @throws Fault by status: NotFound, Conflict, PermissionDenied, InvalidInput, ResourceExhausted, Unavailable, DeadlineExceeded. */
  async call<T>(call: ApiRequest): Promise<T> {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const what = `${call.method} ${call.path}`;
    const deadlineMs = call.deadlineMs ?? deadlineMsDefault;
    const response = await this.#send(call, body, deadlineMs);
    const text = await readAll(response, what);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return JSON.parse(text) as T;
    throw faultOfResponse(status, text, what);
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
    const status = response.statusCode ?? 0;
    if (status !== 200) throw faultOfResponse(status, await readAll(response, path), `GET ${path}`);
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
      if (broken !== undefined) throw faultOfError(broken, path);
    } finally {
      options.signal.removeEventListener('abort', abort);
      response.destroy();
    }
  }

  close(): void {
    this.#credentials?.agent.destroy();
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
          method: call.method,
          host: this.#server.hostname,
          port: this.#server.port || 443,
          path: `${this.#server.pathname.replace(/\/$/, '')}${call.path}`,
          headers: {
            ...(credentials.headers as Record<string, string> | undefined),
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
    await this.#config.applyToHTTPSOptions(fresh);
    const { agent: _agent, headers, auth, ca, cert, key, rejectUnauthorized, servername } = fresh;
    const tls = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(servername !== undefined && { servername }),
    };
    const agent =
      this.#credentials?.agent ?? new Agent({ keepAlive: true, maxSockets: socketsMax, ...tls });
    const options: RequestOptions = {
      agent,
      ...(headers !== undefined && { headers }),
      ...(auth != null && { auth }),
    };
    this.#credentials = { options, agent, until: performance.now() + credentialsMs };
    return options;
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

const codeOfStatus: Readonly<Record<number, FaultCode>> = {
  400: 'InvalidInput',
  401: 'PermissionDenied',
  403: 'PermissionDenied',
  404: 'NotFound',
  409: 'Conflict',
  410: 'NotFound',
  422: 'InvalidInput',
  429: 'ResourceExhausted',
  504: 'DeadlineExceeded',
};

function faultOfResponse(status: number, text: string, what: string): Fault {
  let message = text.slice(0, 500);
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not every proxy before an API server speaks JSON: the text itself is the best there is.
  }
  return new ApiFault(
    codeOfStatus[status] ?? 'Unavailable',
    `${what}: ${status} ${message}`,
    status,
  );
}

function faultOfError(error: unknown, what: string): Fault {
  if (error instanceof Fault) return error;
  return new Fault('Unavailable', `${what}: ${(error as Error).message}`, { cause: error });
}

/** A refusal by the API server, with its HTTP status. */
export class ApiFault extends Fault {
  readonly status: number;

  constructor(code: FaultCode, message: string, status: number) {
    super(code, message);
    this.status = status;
  }
}
