/** What an API server refuses, as faults: by status, and for a missing right by what to do about it. */
import { Fault, type FaultCode, isFault } from '@spillway/core';

/** A refusal by the API server, with its HTTP status. */
export class ApiFault extends Fault {
  readonly status: number;
  /** What the server says, without the request: for people who did not make it. */
  readonly words: string;
  /** `metav1.Status` reason (`Forbidden`, `Expired`, …); empty when the answer was no Status. */
  readonly reason: string;
  /** Reasons of the Status' causes, such as `NamespaceTerminating`. */
  readonly causes: readonly string[];
  /** Set when a right is missing, and not the object refused. */
  readonly denied: DeniedAccess | undefined;
  /** How long the server asks to wait before another try (ms); it has then done nothing. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: FaultCode,
    message: string,
    status: number,
    details: {
      readonly words?: string;
      readonly reason?: string;
      readonly causes?: readonly string[];
      readonly denied?: DeniedAccess | undefined;
      readonly retryAfterMs?: number | undefined;
    } = {},
  ) {
    super(code, message);
    this.status = status;
    this.words = details.words ?? message;
    this.reason = details.reason ?? '';
    this.causes = details.causes ?? [];
    this.denied = details.denied;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** What RBAC did not grant. */
export interface DeniedAccess {
  readonly user: string;
  readonly verb: string;
  /** With its subresource: `pods/binding`. */
  readonly resource: string;
  /** Empty for core. */
  readonly group: string;
  /** Undefined: in the whole cluster. */
  readonly namespace: string | undefined;
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
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

const textMax = 500;

export function faultOfResponse(answer: {
  readonly status: number;
  readonly text: string;
  readonly what: string;
  /** The header, in seconds. */
  readonly retryAfter?: string | undefined;
}): ApiFault {
  const { status, text, what, retryAfter } = answer;
  const parsed = parseStatus(text);
  const message = parsed.message ?? text.slice(0, textMax);
  const denied = status === 403 ? deniedAccess(message) : undefined;
  const seconds = Number(retryAfter);
  return new ApiFault(
    codeOfStatus[status] ?? 'Unavailable',
    `${what}: ${status} ${denied === undefined ? message : missingRight(denied)}${status === 401 ? ' (the kubeconfig’s credentials are not accepted)' : ''}`,
    status,
    {
      words: message.trim() || `status ${status}`,
      reason: parsed.reason ?? '',
      causes: (parsed.details?.causes ?? []).map(({ reason = '' }) => reason),
      denied,
      retryAfterMs: retryAfter !== undefined && seconds >= 0 ? seconds * 1_000 : undefined,
    },
  );
}

/** Why a write failed, for people of another cluster: the API server's words, and never a path of its API. */
export function inWords(error: unknown): string {
  if (error instanceof ApiFault) {
    return error.status >= 500 || error.status === 429
      ? `its API server is not well (${error.status}): ${error.words}`
      : error.words;
  }
  return isFault(error, 'Unavailable') || isFault(error, 'DeadlineExceeded')
    ? 'its API server does not answer'
    : 'its agent failed; see its log';
}

/** Refused for the UID that was sent along: the name has passed to another object. */
export function isOtherObject(error: unknown): boolean {
  if (!(error instanceof ApiFault)) return false;
  // Deletions and bindings have preconditions; a patch can't change an object's UID.
  return error.status === 422
    ? error.message.includes('metadata.uid')
    : error.status === 409 && /UID in (the )?precondition/.test(error.message);
}

export function faultOfError(error: unknown, what: string): Fault {
  if (error instanceof Fault) return error;
  return new Fault('Unavailable', `${what}: ${(error as Error).message}`, { cause: error });
}

function parseStatus(text: string): Status {
  try {
    const parsed = JSON.parse(text) as Status | null;
    return parsed ?? {};
  } catch {
    // Not every proxy before an API server speaks JSON: the text itself is the best there is.
    return {};
  }
}

/** Kubernetes' authorizers all speak so; admission refuses in other words. */
const forbidden =
  /User "([^"]*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)" (?:in the namespace "([^"]*)"|at the cluster scope)/;

function deniedAccess(message: string): DeniedAccess | undefined {
  const found = forbidden.exec(message);
  if (found === null) return undefined;
  const [, user = '', verb = '', resource = '', group = '', namespace] = found;
  return { user, verb, resource, group, namespace };
}

function missingRight({ user, verb, resource, group, namespace }: DeniedAccess): string {
  const what = `${resource}${group && `.${group}`}`;
  const where = namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`;
  const scope = namespace === undefined ? '' : ` --namespace ${namespace}`;
  return `${user} may not ${verb} ${what} ${where}. Install the chart or the manifests of this version again, then check: kubectl auth can-i ${verb} ${what}${scope} --as ${user}`;
}
