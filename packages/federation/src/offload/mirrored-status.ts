/**
 * A guest's status as its home shows it: what a kubelet would have written, had the pod run on one
 * more node of its home.
 */
import type { ContainerStatus, Pod, PodCondition, PodStatus } from '@spillway/core';

const nothing = { podIP: '', podIPs: [], hostIP: '', hostIPs: [] } as const;

/** Condition types that a kubelet owns; the rest (readiness gates) belongs to the home. */
const kubeletConditions = new Set([
  'PodScheduled',
  'PodReadyToStartContainers',
  'Initialized',
  'ContainersReady',
  'Ready',
  'DisruptionTarget',
  'AllContainersRestarting',
]);

const mirroredFields = [
  'phase',
  'reason',
  'message',
  'startTime',
  'containerStatuses',
  'initContainerStatuses',
] as const;

/** A pod without these is in no EndpointSlice, ready or not. */
const addressFields = ['podIP', 'podIPs', 'hostIP', 'hostIPs'] as const;

/**
 * The status to write on `home`; undefined when that would change nothing or `home` is finished.
 * `joined`: whether the pod networks of home and host are; undefined: not known, addresses stay as they are.
 */
export function mirroredStatus(
  home: Pod,
  guest: PodStatus,
  joined: boolean | undefined,
): PodStatus | undefined {
  if (isTerminal(home.status)) return undefined;
  const current = home.status ?? {};
  const mirrored: Record<string, unknown> = {};
  for (const field of mirroredFields) {
    if (guest[field] !== undefined) mirrored[field] = guest[field];
  }
  for (const field of addressFields) {
    const value = joined ? guest[field] : undefined;
    if (value !== undefined) mirrored[field] = value;
    else if (joined === false && !isEmpty(current[field])) mirrored[field] = nothing[field];
  }
  // A shadow that exists but has no status yet is Pending; a phase never goes back to nothing.
  mirrored['phase'] ??= current.phase ?? 'Pending';
  if (mirrored['phase'] === 'Failed') Object.assign(mirrored, unready({ ...current, ...guest }));
  const conditions = mergedConditions(
    current.conditions ?? [],
    gated(home, guest.conditions ?? []),
  );
  if (conditions.length > 0) mirrored['conditions'] = conditions;
  return sameStatus(current, mirrored) ? undefined : mirrored;
}

/**
 * The containers of a pod that has failed. Where nobody has said how they ended, they get no exit code: a Job's
 * podFailurePolicy would go by it.
 */
function unready({ containerStatuses, initContainerStatuses }: PodStatus): PodStatus {
  const ended = (containers: readonly ContainerStatus[]) =>
    containers.map((each) => (each.ready ? { ...each, ready: false, started: false } : each));
  return {
    ...(containerStatuses && { containerStatuses: ended(containerStatuses) }),
    ...(initContainerStatuses && { initContainerStatuses: ended(initContainerStatuses) }),
  };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

/**
 * The status of a guest that its host has ended, or is ending, for any reason. If the pod failed, it failed
 * by a disruption and not by itself. So the podFailurePolicy of a Job can see the difference. What
 * Kubernetes at the host has said itself stays (an eviction, a preemption, a taint).
 */
export function endedByHost(status: PodStatus): PodStatus {
  const { phase, conditions = [], message } = status;
  if (phase !== 'Failed') return status;
  const others = conditions.filter(({ type }) => type !== 'DisruptionTarget');
  const own = conditions.find(({ type }) => type === 'DisruptionTarget');
  if (own?.status === 'True') return status;
  const disrupted: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByHost',
    message: message || 'its host has ended it',
  };
  return { ...status, conditions: [...others, disrupted] };
}

export function isTerminal(status: PodStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** The pod has ended at home in one way, and its guest lives on or has ended in another: the end at home is final. */
export function contradicts(home: PodStatus | undefined, guest: PodStatus): boolean {
  return isTerminal(home) && home?.phase !== guest.phase;
}

/** Whether a kubelet has taken the pod up: its guest existed, and is not made a second time. */
export function hasRun(status: PodStatus | undefined): boolean {
  return status?.startTime !== undefined || (status?.phase ?? 'Pending') !== 'Pending';
}

/** Whether `home` shows another state than `guest` in what controllers go by. */
export function drifted(home: Pod, guest: PodStatus): boolean {
  if (guest.phase === undefined) return false;
  const expected = gated(home, guest.conditions ?? []);
  return (
    home.status?.phase !== guest.phase ||
    readiness(home.status?.conditions ?? []) !== readiness(expected)
  );
}

function readiness(conditions: readonly PodCondition[]): string | undefined {
  return conditions.find(({ type }) => type === 'Ready')?.status;
}

/**
 * The conditions of a guest with the readiness gates of the home, whose controllers are at home. As for a
 * kubelet, a pod with ready containers is not ready before all gates are open.
 */
function gated({ spec, status }: Pod, guest: readonly PodCondition[]): readonly PodCondition[] {
  const gates = (spec['readinessGates'] ?? []) as readonly { readonly conditionType: string }[];
  const closed = gates.filter(
    ({ conditionType }) =>
      !status?.conditions?.some(({ type, status: is }) => type === conditionType && is === 'True'),
  );
  if (closed.length === 0) return guest;
  const names = closed.map(({ conditionType }) => conditionType).join(', ');
  return guest.map((condition) =>
    condition.type === 'Ready' && condition.status === 'True'
      ? {
          ...condition,
          status: 'False',
          reason: 'ReadinessGatesNotReady',
          message: `readiness gates are not ready: ${names}`,
        }
      : condition,
  );
}

function mergedConditions(
  home: readonly PodCondition[],
  guest: readonly PodCondition[],
): readonly PodCondition[] {
  // PodScheduled is the home's binding, which the API server recorded; the host's adds nothing.
  const scheduled = home.filter(
    (condition) => condition.type === 'PodScheduled' && condition.status === 'True',
  );
  const owned = guest.filter(
    (condition) =>
      kubeletConditions.has(condition.type) &&
      (condition.type !== 'PodScheduled' || scheduled.length === 0),
  );
  const kept = home.filter((condition) => !kubeletConditions.has(condition.type));
  return [...scheduled, ...owned.map(withoutGeneration), ...kept];
}

/** `observedGeneration` counts the shadow's generations, which mean nothing at home. */
function withoutGeneration(condition: PodCondition): PodCondition {
  const { observedGeneration: _generation, ...rest } = condition;
  return rest;
}

function sameStatus(current: PodStatus, next: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(next).every(
    ([field, value]) => JSON.stringify(current[field]) === JSON.stringify(value),
  );
}
