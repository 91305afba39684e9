/**
 * A stream of a guest, as its host's API server opens it: by a subresource of the pod, with the agent's own
 * rights. The bytes are whatever the API server speaks; nothing here looks into them.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { isFault } from '@spillway/core';
import {
  type NamedValue,
  type PodStreamHead,
  type PodStreamRequest,
  refusedStream,
  upgradeAnswerHeaders,
} from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { podPath } from './object-path.ts';

export interface GuestRef {
  readonly namespace: string;
  readonly name: string;
}

export interface GuestStream {
  readonly head: PodStreamHead;
  readonly body?: Readable | Duplex;
}

/** Of a refusal, which is a short text or a Status. */
const refusalBytesMax = 64 * 1024;
/** How long an API server may take to upgrade a connection (ms). A log has no such bound: see `ApiClient.stream`. */
const upgradeMsMax = 30_000;

export class GuestStreams {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** A refusal is an answer, too. */
  async open(
    guest: GuestRef,
    request: PodStreamRequest,
    signal: AbortSignal,
  ): Promise<GuestStream> {
    const { upgrade, headers } = request;
    const late = new AbortController();
    const timer = upgrade && setTimeout(() => late.abort(), upgradeMsMax);
    try {
      const { response, upgraded } = await this.#api.stream({
        // SPDY asks with POST, for which `create` is enough. A WebSocket can only ask with GET.
        method: upgrade === 'SPDY/3.1' ? 'POST' : 'GET',
        path: subresourcePath(guest, request),
        headers: {
          ...(upgrade && { connection: 'Upgrade', upgrade, ...grouped(headers) }),
        },
        signal: AbortSignal.any([signal, late.signal]),
      });
      const status = response.statusCode ?? 0;
      if (upgraded !== undefined) {
        return { head: { status, headers: agreed(response), message: '' }, body: upgraded };
      }
      if (status !== 200 || upgrade !== undefined) return { head: await refusal(response) };
      return { head: { status, headers: [], message: '' }, body: response };
    } catch (error) {
      if (!isFault(error)) throw error;
      if (late.signal.aborted) {
        const seconds = upgradeMsMax / 1_000;
        return { head: refusedStream(504, `the host’s API server: no answer in ${seconds} s`) };
      }
      return { head: refusedStream(502, `the host’s API server: ${error.message}`) };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @throws Fault `NotFound` for what can't be any pod's name. */
export function subresourcePath(
  { namespace, name }: GuestRef,
  { kind, container, parameters }: PodStreamRequest,
): string {
  const query = new URLSearchParams();
  for (const [key, value] of parameters) query.append(key, value);
  if (container !== '' && kind !== 'portforward') query.set('container', container);
  const text = query.toString();
  return `${podPath(namespace, name)}/${kind}${text && `?${text}`}`;
}

function grouped(headers: readonly NamedValue[]): Record<string, string[]> {
  const byName: Record<string, string[]> = {};
  for (const [name, value] of headers) (byName[name] ??= []).push(value);
  return byName;
}

function agreed({ headersDistinct }: IncomingMessage): readonly NamedValue[] {
  return upgradeAnswerHeaders.flatMap((name) =>
    (headersDistinct[name] ?? []).map((value): NamedValue => [name, value]),
  );
}

async function refusal(response: IncomingMessage): Promise<PodStreamHead> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > refusalBytesMax) break;
  }
  return refusalOf(response.statusCode ?? 502, Buffer.concat(chunks).toString('utf8'));
}

/** What an API server says of itself, in the words that a kubelet would say to another. */
export function refusalOf(status: number, text: string): PodStreamHead {
  const words = messageIn(text);
  // That this host's agent lacks a right is no matter of the one who asks at home.
  if (status === 401 || status === 403) {
    return refusedStream(502, `the host’s API server refuses its agent: ${words}`);
  }
  return status >= 400
    ? refusedStream(status, words)
    : refusedStream(502, `the host’s API server answers ${status}: ${words}`);
}

function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text.trim();
  }
}
