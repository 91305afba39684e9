/** What an API server's audit log tells of one call of an agent. */

export interface RecordedCall {
  readonly verb: string;
  /** Empty for core. */
  readonly group: string;
  /** With its subresource: `pods/status`. */
  readonly resource: string;
  /** Empty: in the whole cluster. */
  readonly namespace: string;
  /** Empty: of many, or of one that is yet to be named. */
  readonly name: string;
  readonly allowed: boolean;
  /** The role that allowed it, as `ClusterRole spillway-agent` or `Role spillway-agent in spillway-system`. */
  readonly role: string;
  /** HTTP; 0 while it is not known. */
  readonly status: number;
  readonly atMs: number;
  /** Made by an agent, and not by a test in its place. */
  readonly byAgent: boolean;
}

interface AuditEvent {
  readonly verb: string;
  readonly userAgent?: string;
  readonly requestReceivedTimestamp: string;
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
}

/** How agents name themselves to API servers. */
const agentName = 'spillway-agent';

/**
 * Of a whole log. An API server that is killed while it writes leaves part of an event. One that is started
 * again goes on in the same line.
 */
export function recordedCalls(log: string): readonly RecordedCall[] {
  const lines = log.split('\n');
  const cut = lines.pop() ?? '';
  const whole = lines.filter((line) => line !== '').map((line) => line.slice(lastStart(line)));
  if (isWhole(cut)) whole.push(cut);
  return whole.flatMap((line) => recordedCall(line) ?? []);
}

/** Of an audit event; an object that somebody created may be an Event, too. */
const eventStart = '{"kind":"Event","apiVersion":"audit.k8s.io/';

function lastStart(line: string): number {
  return Math.max(0, line.lastIndexOf(eventStart));
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** Of one line of the log; undefined for what names no resource, such as `/apis`. */
export function recordedCall(line: string): RecordedCall | undefined {
  const event = JSON.parse(line) as AuditEvent;
  const { resource, subresource, apiGroup = '', namespace = '', name = '' } = event.objectRef ?? {};
  if (resource === undefined) return undefined;
  return {
    verb: event.verb,
    group: apiGroup,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    allowed: event.annotations?.['authorization.k8s.io/decision'] === 'allow',
    role: roleOf(event.annotations?.['authorization.k8s.io/reason'] ?? ''),
    status: event.responseStatus?.code ?? 0,
    atMs: Date.parse(event.requestReceivedTimestamp),
    byAgent: event.userAgent?.startsWith(agentName) ?? false,
  };
}

const allowedBy = /by \w+Binding "(?:[^"/]+\/)?([^"]+)" of (ClusterRole|Role) "([^"]+)"/;

function roleOf(reason: string): string {
  const [, namespace = '', kind = '', name = ''] = allowedBy.exec(reason) ?? [];
  return kind === 'Role' ? `Role ${name} in ${namespace}` : `${kind} ${name}`.trim();
}
