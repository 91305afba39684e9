/**
 * Who may use the kubelet's API, decided as a kubelet decides it (pkg/kubelet/server/auth.go, 1.36). A
 * client certificate of the cluster's CA, or a token of its API server, says who the caller is. The API
 * server says whether the caller may do it. No other caller gets in.
 */
import { createHash } from 'node:crypto';
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import type { NodeAccess, User } from '@spillway/kubernetes';

/** Of `AccessReviews`. */
export interface Reviews {
  userOf(token: string, key: string): Promise<User | undefined>;
  mayUse(user: User, access: NodeAccess): Promise<boolean>;
}

export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
}

const verbs: Readonly<Record<string, string | undefined>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** One of these is enough. `node`: empty where no virtual node is meant, which only a right on all nodes covers. */
export function accessesTo(
  what: 'stream' | 'health' | 'other',
  method: string,
  node: string,
): readonly NodeAccess[] {
  const verb = verbs[method] ?? '';
  const subresources = what === 'health' ? ['healthz', 'proxy'] : ['proxy'];
  return subresources.map((subresource) => ({ verb, subresource, node }));
}

/** The user of a verified client certificate: its common name, in the groups of its organizations. */
export function userOfCertificate({ subject }: Pick<PeerCertificate, 'subject'>): User | undefined {
  const { CN: name, O: organizations = [] } = subject as Readonly<
    Record<string, string | readonly string[] | undefined>
  >;
  // Two names are one too many to know who it is.
  if (typeof name !== 'string' || name === '') return undefined;
  const groups = typeof organizations === 'string' ? [organizations] : organizations;
  return { username: name, groups: [...groups, 'system:authenticated'] };
}

export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

/** Undefined: he may. @throws Fault when the API server does not answer. */
export async function refusalOf(
  reviews: Reviews,
  user: User | undefined,
  accesses: readonly NodeAccess[],
): Promise<Refusal | undefined> {
  if (user === undefined) return { status: 401, message: 'Unauthorized' };
  for (const access of accesses) if (await reviews.mayUse(user, access)) return undefined;
  const verb = accesses[0]?.verb ?? '';
  const subresources = accesses.map(({ subresource }) => subresource).join(' ');
  const asked = `user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[${subresources}]`;
  return { status: 403, message: `Forbidden (${asked})` };
}

/** `certificates`: those that TLS has verified count. @throws Fault when the API server does not answer. */
export async function callerOf(
  reviews: Reviews,
  {
    socket,
    authorization,
    certificates,
  }: {
    readonly socket: TLSSocket;
    readonly authorization: string | undefined;
    readonly certificates: boolean;
  },
): Promise<User | undefined> {
  const proven = certificates && socket.authorized ? certificateOf(socket) : undefined;
  const user = proven && userOfCertificate(proven);
  if (user !== undefined) return user;
  const token = bearerToken(authorization);
  if (token === undefined) return undefined;
  return await reviews.userOf(token, createHash('sha256').update(token).digest('hex'));
}

/** Empty where the client has shown none. */
function certificateOf(socket: TLSSocket): DetailedPeerCertificate | undefined {
  const certificate = socket.getPeerCertificate(true);
  return Object.keys(certificate).length === 0 ? undefined : certificate;
}
