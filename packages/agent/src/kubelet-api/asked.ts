/**
 * What an API server asks of a kubelet, understood: the path, and the query in the kubelet's words, which
 * becomes the API's. As pkg/kubelet/server of Kubernetes 1.36; whatever is not here is 404.
 */
import type { PodUid } from '@spillway/core';
import {
  type NamedValue,
  type PodStreamKind,
  type PodStreamRequest,
  type StreamUpgrade,
  streamUpgrades,
  upgradeRequestHeaders,
} from '@spillway/federation';

export interface KubeletRequest {
  readonly method: string;
  readonly url: string;
  /** By lower-case name, each with all its values. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
}

export interface AskedStream {
  readonly kind: 'stream';
  readonly namespace: string;
  readonly pod: string;
  /** Empty: of whatever pod has the name. */
  readonly uid: string;
  readonly stream: Omit<PodStreamRequest, 'uid'>;
}

export type Asked =
  | AskedStream
  | { readonly kind: 'health' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

const streamOf: Readonly<Record<string, PodStreamKind | undefined>> = {
  containerLogs: 'log',
  exec: 'exec',
  attach: 'attach',
  portForward: 'portforward',
};

export function askedOf(request: KubeletRequest): Asked {
  const { pathname, searchParams } = new URL(request.url, 'https://kubelet');
  const parts = partsOf(pathname);
  if (parts === undefined) return refused(400, 'the path is not valid');
  const [what = '', namespace = '', pod = '', ...rest] = parts;
  if (what === 'healthz' && parts.length === 1) return { kind: 'health' };
  const kind = streamOf[what];
  const named = kind && container(kind, rest);
  if (kind === undefined || named === undefined || pod === '') return refused(404, 'not found');
  if (!methodsOf(kind).includes(request.method)) return refused(405, 'method not allowed');
  const upgrade = kind === 'log' ? undefined : upgradeOf(request);
  if (kind !== 'log' && upgrade === undefined) return refused(400, 'Upgrade request required');
  const headers = kind === 'log' ? [] : agreeing(request);
  const parameters = parametersOf(kind, searchParams);
  const { uid, ...of } = named;
  return {
    kind: 'stream',
    namespace,
    pod,
    uid,
    stream: { kind, upgrade, headers, parameters, ...of },
  };
}

/** The pod that was asked for has that UID, or none was named. */
export function isThatPod({ uid }: AskedStream, found: PodUid): boolean {
  return uid === '' || uid === found;
}

function partsOf(pathname: string): readonly string[] | undefined {
  try {
    const parts = pathname.replace(/^\//, '').replace(/\/$/, '').split('/');
    return parts.map((part) => decodeURIComponent(part));
  } catch {
    return undefined;
  }
}

/** What follows the pod: of a port-forward its UID or nothing, else the container, after a UID or not. */
function container(
  kind: PodStreamKind,
  rest: readonly string[],
): { readonly uid: string; readonly container: string } | undefined {
  const [first = '', second] = rest;
  if (kind === 'portforward') return rest.length < 2 ? { uid: first, container: '' } : undefined;
  if (first === '' || rest.length > 2 || (kind === 'log' && second !== undefined)) return undefined;
  return second === undefined ? { uid: '', container: first } : { uid: first, container: second };
}

function methodsOf(kind: PodStreamKind): readonly string[] {
  return kind === 'log' ? ['GET'] : ['GET', 'POST'];
}

function upgradeOf({ headers }: KubeletRequest): StreamUpgrade | undefined {
  const wanted = headers['upgrade']?.join().toLowerCase();
  return streamUpgrades.find((each) => each.toLowerCase() === wanted);
}

/** A browser's token may stand among the subprotocols; it is for the API server that has read it. */
const tokenProtocol = 'base64url.bearer.authorization.k8s.io.';

function agreeing({ headers }: KubeletRequest): readonly NamedValue[] {
  return upgradeRequestHeaders.flatMap((name) =>
    (headers[name] ?? []).flatMap((value): readonly NamedValue[] => {
      if (name !== 'sec-websocket-protocol') return [[name, value]];
      const protocols = value.split(',').map((each) => each.trim());
      const kept = protocols.filter((each) => !each.startsWith(tokenProtocol));
      return kept.length === 0 ? [] : [[name, kept.join(', ')]];
    }),
  );
}

/** Kubelet's name, API's name. */
const terminalNames = [
  ['input', 'stdin'],
  ['output', 'stdout'],
  ['error', 'stderr'],
  ['tty', 'tty'],
] as const;
const logFlags = ['follow', 'previous', 'timestamps'] as const;
const logValues = ['sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes'] as const;

function parametersOf(kind: PodStreamKind, query: URLSearchParams): readonly NamedValue[] {
  if (kind === 'log') return logParameters(query);
  if (kind === 'portforward') {
    const ports = query.getAll('port').flatMap((each) => each.split(','));
    return ports.filter((each) => each !== '').map((each) => ['ports', each]);
  }
  const flags = terminalNames
    .filter(([name]) => query.get(name) === '1')
    .map(([, name]): NamedValue => [name, 'true']);
  const command = kind === 'exec' ? query.getAll('command') : [];
  return [...flags, ...command.map((each): NamedValue => ['command', each])];
}

function logParameters(query: URLSearchParams): readonly NamedValue[] {
  const flags = logFlags
    .filter((name) => isSet(query.get(name)))
    .map((name): NamedValue => [name, 'true']);
  const values = logValues.flatMap((name): readonly NamedValue[] => {
    const value = query.get(name);
    return value === null || value === '' ? [] : [[name, value]];
  });
  const stream = query.get('stream');
  const one = stream === null || stream === 'All' ? [] : [['stream', stream] as const];
  return [...flags, ...values, ...one];
}

/** As Kubernetes reads a flag of a query: all is true but these. */
function isSet(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}

function refused(status: number, message: string): Asked {
  return { kind: 'refused', status, message };
}
