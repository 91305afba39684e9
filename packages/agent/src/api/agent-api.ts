/** The HTTP API of an agent, under /v1/: which handler answers which request. schemas/ has the bodies. */
import {
  containerTroubles,
  Fault,
  type FaultCode,
  isFault,
  podStatusText,
  version,
  wellKnown,
} from '@spillway/core';
import type { GuestExplanation } from '@spillway/federation';
import { guestNamespaceName } from '@spillway/kubernetes';
import type { AgentOptions } from '../config/options.ts';
import type { AgentContext } from './agent-context.ts';
import type { ApiRequest, ApiResponse } from './api-request.ts';
import { doctor } from './doctor/doctor.ts';
import { dryRun } from './dry-run.ts';
import { policyEntries } from './policy-entries.ts';
import type { ExplanationResponse, StatusResponse } from './schemas/index.ts';
import { agentStatus, neighbourRows } from './status.ts';

type Handler = (agent: AgentContext, request: ApiRequest) => unknown;

const handlers: Readonly<Record<string, Handler>> = {
  'GET /v1/status': agentStatus,
  'GET /v1/neighbours': neighbourRows,
  'GET /v1/explain': explain,
  'GET /v1/policy': policyEntries,
  'GET /v1/doctor': doctor,
  'POST /v1/dry-run': dryRun,
};

export class AgentApi {
  readonly #agent: AgentContext;

  constructor(agent: AgentContext) {
    this.#agent = agent;
  }

  async respond(request: ApiRequest): Promise<ApiResponse> {
    const handler = handlers[`${request.method} ${request.path}`];
    if (handler === undefined) return unknownEndpoint(request);
    try {
      return { status: 200, body: await handler(this.#agent, request) };
    } catch (error) {
      if (!isFault(error)) throw error;
      return { status: statusOf(error), body: { error: error.message } };
    }
  }
}

/** A standby knows who it is, and nothing else. */
export function standbyResponse(
  request: ApiRequest,
  { cluster, instance }: AgentOptions,
): ApiResponse {
  if (request.path === '/v1/status') {
    const status: StatusResponse = { cluster, active: false, version, instance };
    return { status: 200, body: status };
  }
  const error = `this agent of ${cluster} stands by: ask the active agent`;
  return { status: 503, body: { error } };
}

function explain(
  { home, host, options }: AgentContext,
  { query }: ApiRequest,
): ExplanationResponse {
  const name = query.get('name') ?? '';
  const namespace = query.get('namespace') ?? 'default';
  const guest = host.explain(namespace, name);
  if (guest !== undefined) return guestResponse(guest);
  const explanation = home.explain(namespace, name);
  if (explanation?.state === 'away')
    return {
      ...explanation,
      leftOut: [...explanation.leftOut],
      guestNamespace: guestNamespaceName(options.cluster, namespace),
    };
  if (explanation?.state === 'waiting') return { ...explanation, home: [...explanation.home] };
  if (explanation !== undefined) return explanation;
  throw new Fault('NotFound', `pod ${name} is not waiting for Spillway, and is not away`);
}

function guestResponse({ home, shadow }: GuestExplanation): ExplanationResponse {
  return {
    state: 'guest',
    home,
    homeNamespace: shadow.metadata.labels?.[wellKnown.homeNamespaceLabel] ?? '',
    node: shadow.spec.nodeName ?? '',
    status: podStatusText(shadow),
    troubles: [...containerTroubles(shadow)],
  };
}

function unknownEndpoint({ method, path }: ApiRequest): ApiResponse {
  const otherwise = Object.keys(handlers).find((key) => key.endsWith(` ${path}`));
  return otherwise === undefined
    ? {
        status: 404,
        body: { error: `there is nothing at ${path}; this agent has version ${version}` },
      }
    : { status: 405, body: { error: `${method} ${path}: expected ${otherwise}` } };
}

const statuses: Partial<Readonly<Record<FaultCode, number>>> = {
  NotFound: 404,
  InvalidInput: 400,
  InvalidId: 400,
  InvalidQuantity: 400,
};

function statusOf({ code }: Fault): number {
  return statuses[code] ?? 503;
}
