/**
 * What a kubelet asks its API server before it answers anybody: whose token that is, and whether he may.
 * See docs/adr/0037.
 */
import { type Clock, isFault, type MonotonicMs } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

/** As an API server knows him. */
export interface User {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What somebody wants of a node. */
export interface NodeAccess {
  readonly verb: string;
  readonly subresource: string;
  /** Empty: of all nodes. */
  readonly node: string;
}

/** How long an answer is good (ms). Shorter than a kubelet's, which are 2 and 5 minutes. */
export const reviewMs = 30_000;
/** Maximum number of answers that are remembered, of each kind. */
const rememberedMax = 1_000;

const clientCaPath = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';

export class AccessReviews {
  readonly #api: ApiClient;
  readonly #users: Remembered<User | undefined>;
  readonly #allowed: Remembered<boolean>;

  constructor(api: ApiClient, clock: Pick<Clock, 'monotonicMs'>) {
    this.#api = api;
    this.#users = new Remembered(clock);
    this.#allowed = new Remembered(clock);
  }

  /** Undefined for a token that is no good. `key` stands for it: tokens are not kept. @throws Fault */
  async userOf(token: string, key: string): Promise<User | undefined> {
    return await this.#users.get(key, async () => {
      const { status } = await this.#api.call<TokenReview>({
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/tokenreviews',
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token },
        },
      });
      const { authenticated = false, user } = status ?? {};
      return authenticated && user !== undefined && user.username !== '' ? user : undefined;
    });
  }

  /** @throws Fault */
  async mayUse(user: User, access: NodeAccess): Promise<boolean> {
    return await this.#allowed.get(JSON.stringify([user, access]), async () => {
      const { username, ...rest } = user;
      const { node: name, ...attributes } = access;
      const { status } = await this.#api.call<AccessReview>({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: username,
            ...rest,
            resourceAttributes: { version: 'v1', resource: 'nodes', name, ...attributes },
          },
        },
      });
      return status?.allowed === true;
    });
  }

  /** The cluster's CA of client certificates, PEM; undefined where it has none. @throws Fault */
  async clientCa(): Promise<string | undefined> {
    try {
      const { data } = await this.#api.call<{ data?: Readonly<Record<string, string>> }>({
        method: 'GET',
        path: clientCaPath,
      });
      return data?.['client-ca-file'] || undefined;
    } catch (error) {
      if (isFault(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

interface TokenReview {
  readonly status?: { readonly authenticated?: boolean; readonly user?: User };
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

/** Answers, the oldest forgotten first. What was thrown is not remembered. */
class Remembered<Value> {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #answers = new Map<string, { readonly value: Value; readonly until: MonotonicMs }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  async get(key: string, ask: () => Promise<Value>): Promise<Value> {
    const now = this.#clock.monotonicMs();
    const known = this.#answers.get(key);
    if (known !== undefined && now < known.until) return known.value;
    const value = await ask();
    this.#answers.delete(key);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= rememberedMax && oldest !== undefined) this.#answers.delete(oldest);
    this.#answers.set(key, { value, until: (now + reviewMs) as MonotonicMs });
    return value;
  }
}
