/**
 * Compares the rights that ship with every recorded call. Each right must have been used, by the role that
 * grants it. None may have been missing.
 */
import type { AgentObject } from '@spillway/testbed';
import type { RecordedCall } from './recorded-call.ts';

export interface Right {
  /** As in `RecordedCall`. */
  readonly role: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Undefined: of any name. */
  readonly names: readonly string[] | undefined;
}

export interface RightsAudit {
  readonly used: ReadonlyMap<Right, number>;
  readonly unused: readonly Right[];
  readonly denied: readonly RecordedCall[];
}

/**
 * A binding takes effect some moments after it was made. API servers learn of it by a watch. The agent knows
 * this, and asks again.
 */
const bindingMsMax = 10_000;

export function auditRights(
  roles: readonly AgentObject[],
  calls: readonly RecordedCall[],
): RightsAudit {
  const rights = roles.flatMap(rightsOf);
  const counts = new Map(
    rights.map((right) => [right, calls.filter((call) => uses(call, right)).length]),
  );
  return {
    used: new Map([...counts].filter(([, count]) => count > 0)),
    unused: rights.filter((right) => counts.get(right) === 0),
    denied: calls.filter((call) => call.byAgent && !call.allowed && !soonAllowed(call, calls)),
  };
}

/** `delete nodes`, `get leases.coordination.k8s.io (spillway-agent)`. */
export function rightText({ verb, group, resource, names }: Omit<Right, 'role'>): string {
  return `${verb} ${resource}${group && `.${group}`}${names === undefined ? '' : ` (${names.join()})`}`;
}

function rightsOf({ kind, metadata, rules = [] }: AgentObject): readonly Right[] {
  const scope = kind === 'Role' ? ` in ${metadata.namespace ?? ''}` : '';
  const role = `${kind} ${metadata.name}${scope}`;
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames: names }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => ({ role, verb, group, resource, names })),
      ),
    ),
  );
}

function uses(call: RecordedCall, { role, verb, group, resource, names }: Right): boolean {
  // Nobody calls `bind`: the API server asks whether it is granted before it makes a binding.
  if (verb === 'bind') {
    return call.verb === 'create' && call.resource === 'rolebindings' && call.status === 201;
  }
  return (
    call.allowed &&
    call.role === role &&
    call.verb === verb &&
    call.group === group &&
    call.resource === resource &&
    (names?.includes(call.name) ?? true)
  );
}

function soonAllowed(denied: RecordedCall, calls: readonly RecordedCall[]): boolean {
  return calls.some(
    (call) =>
      call.allowed &&
      call.atMs >= denied.atMs &&
      call.atMs <= denied.atMs + bindingMsMax &&
      (['verb', 'group', 'resource', 'namespace', 'name'] as const).every(
        (field) => call[field] === denied[field],
      ),
  );
}
