/** The questions under /v1/ and who answers them. The answers' types are in answers/. */
import type { Neighbours } from '@spillway/agent-core';
import {
  type Clock,
  type ClusterName,
  containerTroubles,
  Fault,
  type FaultCode,
  isFault,
  podStatusText,
  version,
  wellKnown,
} from '@spillway/core';
import type { Directory, GuestExplanation, Home, Host, PolicyBook } from '@spillway/federation';
import {
  type ApiClient,
  type EventRecorder,
  guestNamespaceName,
  type Pods,
} from '@spillway/kubernetes';
import type { Mesh } from '@spillway/mesh';
import type { Ledger } from '@spillway/scheduling';
import type { ExplanationAnswer, StatusAnswer } from './answers/index.ts';
import type { CustomResources } from '../resources/custom-resources.ts';
import { doctor } from './doctor/doctor.ts';
import { dryRun } from './dry-run.ts';
import type { Log } from '../reporting/log.ts';
import type { AgentOptions } from '../config/options.ts';
import { policyEntries } from './policy-entries.ts';
import type { RevocationKeeper } from '../membership/revocation-keeper.ts';
import type { SettingProblems } from '../resources/setting-problems.ts';
import { agentStatus, neighbourRows } from './status.ts';

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined when there was none. */
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The parts of an active agent that are asked about. */
export interface Asked {
  readonly options: AgentOptions;
  readonly epoch: number;
  readonly mesh: Mesh;
  readonly home: Home;
  readonly host: Host;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly neighbours: Neighbours;
  readonly recorder: EventRecorder;
  readonly settings: SettingProblems;
  readonly resources: CustomResources;
  readonly policies: PolicyBook;
  readonly revocations: RevocationKeeper;
  readonly pods: Pods;
  readonly api: ApiClient;
  /** The neighbours that have a node here. */
  readonly virtualNodes: () => Iterable<ClusterName>;
  readonly clock: Clock;
  readonly synced: () => boolean;
  readonly log: Log;
}

type Handler = (asked: Asked, question: Question) => unknown;

const handlers: Readonly<Record<string, Handler>> = {
  'GET /v1/status': agentStatus,
  'GET /v1/neighbours': neighbourRows,
  'GET /v1/explain': explain,
  'GET /v1/policy': policyEntries,
  'GET /v1/doctor': doctor,
  'POST /v1/dry-run': dryRun,
};

export class Questions {
  readonly #asked: Asked;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  async answer(question: Question): Promise<Answer> {
    const handler = handlers[`${question.method} ${question.path}`];
    if (handler === undefined) return unknownQuestion(question);
    try {
      return { status: 200, body: await handler(this.#asked, question) };
    } catch (error) {
      if (!isFault(error)) throw error;
      return { status: statusOf(error), body: { error: error.message } };
    }
  }
}

/** A standby knows who it is, and nothing else. */
export function standbyAnswer(question: Question, { cluster, instance }: AgentOptions): Answer {
  if (question.path === '/v1/status') {
    const status: StatusAnswer = { cluster, active: false, version, instance };
    return { status: 200, body: status };
  }
  const error = `this agent of ${cluster} stands by: ask the active agent`;
  return { status: 503, body: { error } };
}

function explain({ home, host, options }: Asked, { query }: Question): ExplanationAnswer {
  const name = query.get('name') ?? '';
  const namespace = query.get('namespace') ?? 'default';
  const guest = host.explain(namespace, name);
  if (guest !== undefined) return guestAnswer(guest);
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

function guestAnswer({ home, shadow }: GuestExplanation): ExplanationAnswer {
  return {
    state: 'guest',
    home,
    homeNamespace: shadow.metadata.labels?.[wellKnown.homeNamespaceLabel] ?? '',
    node: shadow.spec.nodeName ?? '',
    status: podStatusText(shadow),
    troubles: [...containerTroubles(shadow)],
  };
}

function unknownQuestion({ method, path }: Question): Answer {
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
