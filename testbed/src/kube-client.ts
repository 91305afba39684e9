/** A test bed's own administrator client: raw JSON over HTTPS, one connection pool per cluster. */
import { Agent, request } from 'node:https';
import { Fault } from '@spillway/core';

export interface KubeClientOptions {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly credentials:
    | { readonly token: string }
    /** PEM. */
    | { readonly certificate: string; readonly key: string };
}

export class KubeError extends Fault {
  readonly status: number;

  constructor(status: number, message: string) {
    super(status === 404 ? 'NotFound' : status === 409 ? 'Conflict' : 'Unavailable', message);
    this.status = status;
  }
}

export class KubeClient {
  readonly #options: KubeClientOptions;
  readonly #agent: Agent;

  constructor(options: KubeClientOptions) {
    this.#options = options;
    const { ca, credentials } = options;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 32,
      ca,
      ...('key' in credentials && { cert: credentials.certificate, key: credentials.key }),
    });
  }

  async get<T>(path: string): Promise<T> {
    return await this.call<T>('GET', path);
  }

  /** @throws KubeError with the server's status, Fault `Unavailable` when there is no answer. */
  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<T> {
    const answer = await this.#send(method, path, body, contentType);
    return (answer.startsWith('{') ? JSON.parse(answer) : answer) as T;
  }

  /** The answer as it is, as a log is one. @throws as `call` */
  async text(path: string): Promise<string> {
    return await this.#send('GET', path, undefined, 'application/json');
  }

  async #send(method: string, path: string, body: unknown, contentType: string): Promise<string> {
    const { server, credentials } = this.#options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    return await new Promise<string>((resolve, reject) => {
      const call = request(
        `${server}${path}`,
        {
          method,
          agent: this.#agent,
          timeout: 30_000,
          headers: {
            ...('token' in credentials && { authorization: `Bearer ${credentials.token}` }),
            accept: 'application/json, */*',
            ...(text !== undefined && {
              'content-type': contentType,
              'content-length': Buffer.byteLength(text),
            }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const answer = Buffer.concat(chunks).toString('utf8');
            const status = response.statusCode ?? 0;
            if (status >= 200 && status < 300) {
              resolve(answer);
            } else {
              reject(new KubeError(status, `${method} ${path}: ${status} ${answer.slice(0, 300)}`));
            }
          });
        },
      );
      call.setNoDelay(true);
      call.on('timeout', () => call.destroy(new Error('no answer in 30 s')));
      call.on('error', (error) =>
        reject(new Fault('Unavailable', `${method} ${path}: ${error.message}`, { cause: error })),
      );
      call.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
