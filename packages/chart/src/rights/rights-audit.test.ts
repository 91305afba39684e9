import type { AgentObject } from '@spillway/testbed';
import { describe, expect, test } from 'vitest';
import { auditRights, rightText } from './rights-audit.ts';
import { type RecordedCall, recordedCall, recordedCalls } from './recorded-call.ts';

const roles: readonly AgentObject[] = [
  {
    kind: 'ClusterRole',
    metadata: { name: 'spillway-agent' },
    rules: [
      { apiGroups: [''], resources: ['pods', 'pods/status'], verbs: ['patch'] },
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['bind'] },
    ],
  },
  {
    kind: 'Role',
    metadata: { name: 'spillway-agent', namespace: 'spillway-system' },
    rules: [
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['spillway-agent'],
        verbs: ['get'],
      },
    ],
  },
];

const byClusterRole =
  'RBAC: allowed by ClusterRoleBinding "spillway-agent" of ClusterRole "spillway-agent" to ServiceAccount "spillway-agent/spillway-system"';
const byRole =
  'RBAC: allowed by RoleBinding "spillway-agent/spillway-system" of Role "spillway-agent" to ServiceAccount "spillway-agent/spillway-system"';

function call(
  verb: string,
  objectRef: object,
  details: { reason?: string; second?: number; code?: number; userAgent?: string } = {},
): RecordedCall {
  const { reason, second = 0, code = 200, userAgent = 'spillway-agent/0.1.0' } = details;
  const recorded = recordedCall(
    JSON.stringify({
      verb,
      userAgent,
      objectRef,
      requestReceivedTimestamp: new Date(second * 1000).toISOString(),
      responseStatus: { code },
      annotations: {
        'authorization.k8s.io/decision': reason === undefined ? 'forbid' : 'allow',
        'authorization.k8s.io/reason': reason ?? '',
      },
    }),
  );
  if (recorded === undefined) throw new Error('no call');
  return recorded;
}

const lease = { apiGroup: 'coordination.k8s.io', resource: 'leases', namespace: 'spillway-system' };
const binding = { apiGroup: 'rbac.authorization.k8s.io', resource: 'rolebindings', namespace: 'x' };

function unusedOf(...calls: readonly RecordedCall[]): readonly string[] {
  return auditRights(roles, calls).unused.map(rightText);
}

describe('a right', () => {
  test('is used by a call that its role allowed, of that very resource', () => {
    expect(unusedOf()).toEqual([
      'patch pods',
      'patch pods/status',
      'bind clusterroles.rbac.authorization.k8s.io',
      'get leases.coordination.k8s.io (spillway-agent)',
    ]);
    const status = { resource: 'pods', subresource: 'status', namespace: 'x', name: 'p' };
    expect(unusedOf(call('patch', status, { reason: byClusterRole }))).toEqual([
      'patch pods',
      'bind clusterroles.rbac.authorization.k8s.io',
      'get leases.coordination.k8s.io (spillway-agent)',
    ]);
  });

  test('is not used by what another role allowed, or another name', () => {
    const own = { ...lease, name: 'spillway-agent' };
    const unused = 'get leases.coordination.k8s.io (spillway-agent)';
    expect(unusedOf(call('get', own, { reason: byClusterRole }))).toContain(unused);
    expect(unusedOf(call('get', { ...lease, name: 'x' }, { reason: byRole }))).toContain(unused);
    expect(unusedOf(call('get', own, { reason: byRole }))).not.toContain(unused);
  });

  test('to bind is used by a binding that was made', () => {
    const bind = 'bind clusterroles.rbac.authorization.k8s.io';
    const made = call('create', binding, { reason: byClusterRole, code: 201 });
    const refused = call('create', binding, { reason: byClusterRole, code: 403 });
    expect(unusedOf(refused)).toContain(bind);
    expect(unusedOf(made)).not.toContain(bind);
  });
});

describe('a call that was denied', () => {
  const account = { resource: 'serviceaccounts', namespace: 'x', name: 'default' };

  test('is told, when an agent made it', () => {
    const denied = call('get', account);
    expect(auditRights(roles, [denied]).denied).toEqual([denied]);
    expect(auditRights(roles, [call('get', account, { userAgent: 'spillway' })]).denied).toEqual(
      [],
    );
  });

  test('is a binding that was yet to be heard of, when the same was allowed soon after', () => {
    const denied = call('get', account);
    const reason = byClusterRole;
    expect(
      auditRights(roles, [denied, call('get', account, { reason, second: 9 })]).denied,
    ).toEqual([]);
    const late = call('get', account, { reason, second: 11 });
    expect(auditRights(roles, [denied, late]).denied).toEqual([denied]);
    const other = call('get', { ...account, namespace: 'y' }, { reason, second: 1 });
    expect(auditRights(roles, [denied, other]).denied).toEqual([denied]);
  });
});

test('what names no resource is no call', () => {
  expect(recordedCall(JSON.stringify({ verb: 'get', requestReceivedTimestamp: '' }))).toBe(
    undefined,
  );
});

describe('recordedCalls', () => {
  const line = (verb: string): string =>
    JSON.stringify({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      verb,
      objectRef: { resource: 'events' },
      requestObject: { kind: 'Event', apiVersion: 'v1', metadata: { name: 'ours' } },
      requestReceivedTimestamp: new Date(0).toISOString(),
    });
  const verbs = (log: string): readonly string[] => recordedCalls(log).map(({ verb }) => verb);

  test('reads every line, also a last one without its end', () => {
    expect(verbs(`${line('get')}\n${line('list')}\n`)).toEqual(['get', 'list']);
    expect(verbs(`${line('get')}\n${line('list')}`)).toEqual(['get', 'list']);
  });

  test('leaves out the part of an event that a killed API server was writing', () => {
    const part = line('list').slice(0, 30);
    expect(verbs(`${line('get')}\n${part}`)).toEqual(['get']);
    expect(verbs(`${line('get')}\n${part}${line('watch')}\n`)).toEqual(['get', 'watch']);
  });
});
