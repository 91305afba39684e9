/** What a host says: refusals in words, and news of guests for their homes. */
import { type Pod, type PodUid, type Verdict, type VerdictCount, wellKnown } from '@spillway/core';
import type { GuestUpdate } from '../negotiation.ts';
import type { CreateOutcome, GuestId, TryOutcome } from './events.ts';

const stage = 'HostAdmission';
export const notAccepting: Verdict = { code: 'Refused', reason: 'does not accept guests', stage };
export const noFreeCapacity: Verdict = { code: 'Unschedulable', reason: 'no room', stage };

export const ownPodsFirst: Verdict = {
  code: 'Unschedulable',
  reason: 'is placing pods of its own',
  stage: 'OwnPods',
};

export const schedulerSilent: Verdict = {
  code: 'Unschedulable',
  reason: 'its scheduler binds no guests',
  stage: 'HostScheduler',
};

export const notBound: Verdict = {
  code: 'Unschedulable',
  reason: 'its scheduler did not bind it to the node that was held',
  stage: 'HostScheduler',
};

export const notShown: Verdict = {
  code: 'Unschedulable',
  reason: 'its API server does not show it',
  stage,
};

export const outOfReservation: Verdict = {
  code: 'Unschedulable',
  reason: 'holds no room for it any more',
  stage,
};

export const notSeenYet: Verdict = {
  code: 'Unschedulable',
  reason: 'it is being made',
  stage,
};

export const beingChanged: Verdict = {
  code: 'Unschedulable',
  reason: 'an earlier change of it is being made',
  stage,
};

/** An agent that dies may leave the deletion undone. Then the next one makes the change. */
export const beingEnded: Verdict = {
  code: 'Unschedulable',
  reason: 'it is being ended',
  stage,
};

export const stillEnding: Verdict = {
  code: 'Unschedulable',
  reason: 'an earlier copy of it is still being ended',
  stage,
};

export function capReached(guestsMax: number): Verdict {
  return { code: 'Refused', reason: `guest limit of ${guestsMax} reached`, stage };
}

export function createVerdict(
  outcome: Exclude<CreateOutcome, { kind: 'created' | 'exists' }>,
): Verdict {
  if (outcome.kind === 'nameTaken') {
    return { code: 'Unschedulable', reason: 'an earlier pod of that name is still there', stage };
  }
  const code = outcome.kind === 'rejected' ? 'UnschedulableAndUnresolvable' : 'Unschedulable';
  return { code, reason: outcome.reason, stage };
}

export function triedVerdict(outcome: Exclude<TryOutcome, { kind: 'accepted' }>): Verdict {
  if (outcome.kind === 'lacks') {
    return {
      code: 'UnschedulableAndUnresolvable',
      reason: `it needs ${outcome.missing.join(', ')}, which is not there`,
      stage: 'GuestNeeds',
    };
  }
  return createVerdict(outcome);
}

export function verdictsOf(refusals: readonly (Verdict | VerdictCount)[]): readonly Verdict[] {
  return refusals.map((refusal) => {
    const { code, reason, stage: where } = refusal;
    const counted = 'nodes' in refusal ? `${refusal.nodes} ${reason}` : reason;
    return { code, reason: counted, stage: where };
  });
}

/** Why a pod may not fit here although it would by its own words. */
export function notHonoured(dropped: readonly string[]): readonly Verdict[] {
  const placing = dropped.filter((what) => what.startsWith('its '));
  if (placing.length === 0) return [];
  return [{ code: 'Unschedulable', reason: `does not honour ${placing.join(', ')}`, stage }];
}

export function statusUpdate(uid: PodUid, shadow: Pod): GuestUpdate {
  return {
    kind: 'status',
    uid,
    namespace: shadow.metadata.labels?.[wellKnown.homeNamespaceLabel] ?? '',
    name: shadow.metadata.name ?? '',
    status: shadow.status ?? {},
    terminating: shadow.metadata.deletionTimestamp !== undefined,
  };
}

/** A guest whose creation is not yet seen: the home needs to know that it exists, or may. */
export function unseenUpdate(uid: PodUid, pod: Pod, terminating: boolean): GuestUpdate {
  const { namespace = 'default', name = '' } = pod.metadata;
  return { kind: 'status', uid, namespace, name, status: {}, terminating };
}

const endings = {
  released: { reason: 'Released', message: 'released by its home' },
  withdrawn: {
    reason: 'OutOfRoom',
    message: 'its host withdrew it: its node was filled at the same moment',
  },
  revoked: { reason: 'HomeRevoked', message: 'its home is no member of the federation any more' },
  hostLeaves: { reason: 'HostLeft', message: 'its host leaves the federation' },
  deleted: { reason: 'DeletedAtHost', message: 'deleted at its host' },
} as const;

/** `why` counts where the shadow's own status says nothing. */
export function goneUpdate(options: {
  readonly uid: PodUid;
  readonly shadow: Pod | undefined;
  readonly why: keyof typeof endings;
}): Extract<GuestUpdate, { kind: 'gone' }> {
  const { uid, shadow, why } = options;
  const status = shadow?.status;
  const disruption = status?.conditions?.find(
    ({ type, status: value }) => type === 'DisruptionTarget' && value === 'True',
  );
  const reason = status?.reason ?? disruption?.reason ?? endings[why].reason;
  const message = status?.message ?? disruption?.message ?? endings[why].message;
  return { kind: 'gone', uid, reason, message, ...(status && { lastStatus: status }) };
}

export function keyOf({ home, uid }: GuestId): string {
  return `${home}/${uid}`;
}

/** The ledger counts a shadow under this UID until the watch shows it under its own. */
export function assumedUid(id: GuestId): PodUid {
  return `guest/${keyOf(id)}` as PodUid;
}

export function assumedPod(id: GuestId, pod: Pod, namespace: string): Pod {
  return { metadata: { ...pod.metadata, namespace, uid: assumedUid(id) }, spec: pod.spec };
}
