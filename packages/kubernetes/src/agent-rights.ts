/**
 * The rights that an agent needs, and which of them it lacks: by asking the API server about itself,
 * which every authenticated account may. A test holds the list to the manifests that ship.
 */
import { wellKnown } from '@spillway/core';
import type { ApiClient } from './api-client.ts';

export interface Right {
  readonly verb: string;
  /** With its subresource: `pods/binding`. */
  readonly resource: string;
  /** Empty for core. */
  readonly group: string;
  /** Undefined: in the whole cluster. */
  readonly namespace?: string;
  readonly name?: string;
  /** What does not work without it. */
  readonly for: string;
}

const placing = 'placing pods';
const virtualNodes = 'virtual nodes';
const guests = 'guests';
const events = 'events on pods';
const neighbours = 'Neighbour objects';
const oneActive = 'one active agent';
const kubectl = 'kubectl logs and exec of pods that are away';

export interface LeasePlace {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace` and `lease`: the agents' own. */
export function agentRights({ namespace, name: lease }: LeasePlace): readonly Right[] {
  const core = (resource: string, verbs: string, purpose: string): Right[] =>
    rights({ group: '', resource, for: purpose }, verbs);
  const inNamespace = (of: string, right: Omit<Right, 'verb'>, verbs: string): Right[] =>
    rights({ ...right, namespace: of }, verbs);
  const storage = (resource: string): Right[] =>
    rights({ group: 'storage.k8s.io', resource, for: placing }, 'list,watch');
  const leases = { group: 'coordination.k8s.io', resource: 'leases' };
  const resources = { group: 'spillway.dev', for: neighbours };
  const policies = { group: 'spillway.dev', for: 'OffloadPolicies' };
  const rbac = { group: 'rbac.authorization.k8s.io', for: guests };
  return [
    ...core('pods', 'list,watch,get,delete', placing),
    ...core('nodes', 'list,watch', placing),
    ...core('namespaces', 'list,watch', placing),
    ...core('persistentvolumeclaims', 'list,watch,patch', placing),
    ...core('persistentvolumes', 'list,watch,patch', placing),
    ...storage('storageclasses'),
    ...storage('csidrivers'),
    ...storage('csinodes'),
    ...storage('csistoragecapacities'),
    ...rights({ group: 'policy', resource: 'poddisruptionbudgets', for: placing }, 'list,watch'),
    ...core('pods/binding', 'create', placing),
    ...core('pods/status', 'patch', 'the status of pods away'),
    ...core('nodes', 'get,create,delete', virtualNodes),
    ...core('nodes/status', 'patch', virtualNodes),
    ...core('events', 'create,patch', events),
    ...core('namespaces', 'get,create', guests),
    ...rights({ ...rbac, resource: 'rolebindings' }, 'create'),
    ...rights({ ...rbac, resource: 'clusterroles', name: 'spillway-guests' }, 'bind'),
    ...rights({ ...resources, resource: 'neighbours' }, 'list,create,delete'),
    ...rights({ ...resources, resource: 'neighbours/status' }, 'patch'),
    ...rights({ ...policies, resource: 'offloadpolicies' }, 'list,watch'),
    ...rights({ ...policies, resource: 'offloadpolicies/status' }, 'patch'),
    ...rights({ group: 'authentication.k8s.io', resource: 'tokenreviews', for: kubectl }, 'create'),
    ...rights(
      { group: 'authorization.k8s.io', resource: 'subjectaccessreviews', for: kubectl },
      'create',
    ),
    ...inNamespace(
      'kube-system',
      {
        group: '',
        resource: 'configmaps',
        name: 'extension-apiserver-authentication',
        for: kubectl,
      },
      'get',
    ),
    ...inNamespace('kube-node-lease', { ...leases, for: virtualNodes }, 'get,create,patch'),
    ...inNamespace(namespace, { ...leases, for: oneActive }, 'create'),
    ...inNamespace(namespace, { ...leases, name: lease, for: oneActive }, 'get,watch,update'),
    ...inNamespace(
      namespace,
      { group: '', resource: 'pods', for: 'the label of the active pod' },
      'patch',
    ),
    ...inNamespace(
      namespace,
      {
        group: '',
        resource: 'configmaps',
        name: wellKnown.revocationsConfigMap,
        for: 'keeping what is revoked',
      },
      'get,watch,patch',
    ),
    ...inNamespace(
      namespace,
      {
        group: '',
        resource: 'configmaps',
        name: wellKnown.leavingConfigMap,
        for: 'leaving the federation',
      },
      'get',
    ),
  ];
}

/** Those of `wanted` that this account lacks, with what the API server says. */
export async function missingRights(
  api: ApiClient,
  wanted: readonly Right[],
): Promise<readonly (Right & { readonly reason: string })[]> {
  const answers = await Promise.all(
    wanted.map(async (right) => {
      const { allowed, reason = '' } = await accessOf(api, right);
      return allowed ? [] : [{ ...right, reason }];
    }),
  );
  return answers.flat();
}

async function accessOf(
  api: ApiClient,
  { verb, resource, group, namespace, name }: Right,
): Promise<{ readonly allowed: boolean; readonly reason?: string }> {
  const [kind = '', subresource] = resource.split('/');
  const { status } = await api.call<{ status: { allowed: boolean; reason?: string } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          verb,
          group,
          resource: kind,
          ...(subresource && { subresource }),
          ...(namespace && { namespace }),
          ...(name && { name }),
        },
      },
    },
  });
  return status;
}

function rights(right: Omit<Right, 'verb'>, verbs: string): Right[] {
  return verbs.split(',').map((verb) => ({ ...right, verb }));
}
