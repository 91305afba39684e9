/**
 * Questions to an agent, over HTTP: at an address, or through a forwarded port of its pod. Answers are
 * checked by the schemas that the agent's own types come from.
 */
import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import { Fault, type FaultCode } from '@spillway/core';
import { z } from 'zod';

export interface AgentClient {
  /** For people: where it was asked. */
  readonly where: string;
  /** @throws Fault `Unavailable`, `NotFound`, `InvalidInput` with what to do. */
  ask<T extends z.ZodType>(schema: T, request: AgentRequest): Promise<z.infer<T>>;
  /** How far the agent's clock is ahead of ours by the last answer, ms, to a second; undefined before one. */
  readonly clockAheadMs: number | undefined;
}

export interface AgentRequest {
  /** With the query. */
  readonly path: string;
  /** Makes it a POST. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

export interface AgentEndpoint {
  readonly where: string;
  /** A connection of its own for each request; undefined: plain TCP to `url`. */
  readonly connect?: () => Promise<Duplex>;
  readonly url: string;
  /** What to do when nobody answers. */
  readonly hint: string;
}

const timeoutMsDefault = 15_000;
const answerBytesMax = 64 * 1024 * 1024;

export function agentClient(endpoint: AgentEndpoint): AgentClient {
  let clockAheadMs: number | undefined;
  return {
    where: endpoint.where,
    get clockAheadMs() {
      return clockAheadMs;
    },
    async ask(schema, request) {
      const asked = Date.now();
      const response = await send(endpoint, request);
      const text = await textOf(response);
      // HTTP's Date has whole seconds: half of one is added for the mean.
      const date = Date.parse(response.headers.date ?? '');
      if (!Number.isNaN(date)) clockAheadMs = date + 500 - (asked + Date.now()) / 2;
      return checked(schema, { response, text, request });
    },
  };
}

async function send(endpoint: AgentEndpoint, request: AgentRequest): Promise<IncomingMessage> {
  const { path, body, timeoutMs = timeoutMsDefault } = request;
  const signal = AbortSignal.timeout(timeoutMs);
  const socket = await endpoint.connect?.();
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = httpRequest(
      new URL(path, endpoint.url),
      {
        method: text === undefined ? 'GET' : 'POST',
        signal,
        headers: {
          connection: 'close',
          ...(text !== undefined && { 'content-type': 'application/json' }),
        },
        ...(socket && { createConnection: () => socket }),
      },
      resolve,
    );
    request.on('error', (error) => {
      const late = signal.aborted ? `no answer in ${timeoutMs / 1000} s` : error.message;
      const problem = `no agent answers at ${endpoint.where} (${late}): ${endpoint.hint}`;
      reject(new Fault('Unavailable', problem, { cause: error }));
    });
    request.end(text);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > answerBytesMax) throw new Fault('InvalidInput', 'the agent’s answer is too long');
  }
  return Buffer.concat(chunks).toString('utf8');
}

const codes: Readonly<Record<number, FaultCode>> = {
  400: 'InvalidInput',
  403: 'PermissionDenied',
  404: 'NotFound',
};

function checked<T extends z.ZodType>(
  schema: T,
  answer: {
    readonly response: IncomingMessage;
    readonly text: string;
    readonly request: AgentRequest;
  },
): z.infer<T> {
  const { response, text, request } = answer;
  const status = response.statusCode ?? 0;
  const body = parsed(text);
  if (status !== 200) {
    const { error = text.trim() } = (body ?? {}) as { error?: string };
    throw new Fault(codes[status] ?? 'Unavailable', error || `the agent answered ${status}`);
  }
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [path] = request.path.split('?');
  throw new Fault(
    'InvalidInput',
    `the agent's answer to ${path} is not what this spillway expects; compare versions with "spillway version":\n${z.prettifyError(result.error)}`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
