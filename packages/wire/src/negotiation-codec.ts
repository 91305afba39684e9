/** Negotiation messages ↔ domain values, checked on the way in. Pods and statuses travel as JSON. */
import {
  type Pod,
  type PodSpec,
  podUid,
  reservationId,
  type Verdict,
  type VerdictCode,
} from '@spillway/core';
import {
  type CommitRequest,
  type CommitResult,
  type GuestUpdate,
  negotiationBounds,
  type ReleaseRequest,
  type ReserveAnswer,
  type ReserveRequest,
  type TryRequest,
  type TryResult,
  type UpdateRequest,
  type UpdateResult,
} from '@spillway/federation';
import type * as proto from './gen/spillway/v1/negotiation.ts';
import { count, invalid, jsonObject, label, labels, list, required, text } from './validation.ts';

type Status = NonNullable<Pod['status']>;

const { podJsonBytesMax } = negotiationBounds;
const podLabels = { entriesMax: 256, keyMax: 317, valueMax: 63 };
const verdictsMax = 64;
const reasonMax = 2048;
const verdictCodes: ReadonlySet<string> = new Set<VerdictCode>([
  'Unschedulable',
  'UnschedulableAndUnresolvable',
  'Unsupported',
  'Unreachable',
  'Refused',
]);

export const reserveRequest = {
  to: (request: ReserveRequest): proto.ReserveRequest => ({
    homeEpoch: request.homeEpoch,
    requestId: request.requestId,
    namespace: request.namespace,
    labels: { ...request.labels },
    specJson: json(request.spec),
    count: request.count,
  }),
  from: (message: proto.ReserveRequest): ReserveRequest => {
    const { reserveCountMax } = negotiationBounds;
    const asked = count(message.count, 'count', reserveCountMax);
    if (asked === 0) throw invalid('count', `1 to ${reserveCountMax}`);
    return {
      homeEpoch: epoch(message.homeEpoch),
      requestId: text(message.requestId, 'requestId', 128),
      namespace: label(message.namespace, 'namespace'),
      labels: labels(message.labels, 'labels', podLabels),
      spec: podSpec(jsonObject(message.specJson, 'spec', podJsonBytesMax)),
      count: asked,
    };
  },
};

export const reserveAnswer = {
  to: ({ reservation, granted, verdicts }: ReserveAnswer): proto.ReserveAnswer => ({
    reservationId: reservation?.id ?? '',
    ttlMs: Math.round(reservation?.ttlMs ?? 0),
    granted,
    verdicts: verdicts.slice(0, verdictsMax).map(sentVerdict),
  }),
  from: (message: proto.ReserveAnswer): ReserveAnswer => ({
    ...(message.reservationId !== '' && {
      reservation: {
        id: reservationId(message.reservationId),
        ttlMs: count(message.ttlMs, 'ttlMs', 3_600_000),
      },
    }),
    granted: count(message.granted, 'granted', negotiationBounds.reserveCountMax),
    verdicts: list(message.verdicts, 'verdicts', verdictsMax).map(verdictOf),
  }),
};

export const tryRequest = {
  to: (request: TryRequest): proto.TryGuestsRequest => ({
    homeEpoch: request.homeEpoch,
    reservationId: request.reservationId,
    podsJson: request.pods.map(json),
  }),
  from: (message: proto.TryGuestsRequest): TryRequest => ({
    homeEpoch: epoch(message.homeEpoch),
    reservationId: reservationId(message.reservationId),
    pods: podsOf(message.podsJson),
  }),
};

export const tryAnswer = {
  to: (results: readonly TryResult[]): proto.TryGuestsResponse => ({
    results: results.map((result) =>
      result.outcome === 'ok'
        ? {
            refused: undefined,
            dropped: result.dropped
              .slice(0, negotiationBounds.droppedMax)
              .map((each) => each.slice(0, negotiationBounds.droppedLengthMax)),
          }
        : { refused: sentVerdict(result.verdict), dropped: [] },
    ),
  }),
  from: (message: proto.TryGuestsResponse): readonly TryResult[] =>
    list(message.results, 'results', negotiationBounds.commitPodsMax).map(
      ({ refused, dropped }): TryResult =>
        refused === undefined
          ? {
              outcome: 'ok',
              dropped: list(dropped, 'dropped', negotiationBounds.droppedMax).map((each) =>
                text(each, 'dropped', negotiationBounds.droppedLengthMax),
              ),
            }
          : { outcome: 'refused', verdict: verdictOf(refused) },
    ),
};

export const commitRequest = {
  to: (request: CommitRequest): proto.CommitRequest => ({
    homeEpoch: request.homeEpoch,
    reservationId: request.reservationId ?? '',
    podsJson: request.pods.map(json),
  }),
  from: (message: proto.CommitRequest): CommitRequest => ({
    homeEpoch: epoch(message.homeEpoch),
    ...(message.reservationId !== '' && { reservationId: reservationId(message.reservationId) }),
    pods: podsOf(message.podsJson),
  }),
};

export const commitAnswer = {
  to: (results: readonly CommitResult[]): proto.CommitAnswer => ({
    results: results.map((result) => ({
      uid: result.uid,
      outcome: result.outcome,
      verdict: result.outcome === 'refused' ? sentVerdict(result.verdict) : undefined,
      reason: result.outcome === 'ended' ? result.reason : '',
    })),
  }),
  from: (message: proto.CommitAnswer): readonly CommitResult[] =>
    list(message.results, 'results', negotiationBounds.commitPodsMax).map((result) => {
      const uid = podUid(result.uid);
      switch (result.outcome) {
        case 'created':
          return { uid, outcome: 'created' };
        case 'refused':
          return {
            uid,
            outcome: 'refused',
            verdict: verdictOf(required(result.verdict, 'verdict')),
          };
        case 'ended':
          return { uid, outcome: 'ended', reason: text(result.reason, 'reason', reasonMax) };
        default:
          throw invalid('outcome', 'created, refused or ended');
      }
    }),
};

export const updateRequest = {
  to: (request: UpdateRequest): proto.UpdateGuestsRequest => ({
    homeEpoch: request.homeEpoch,
    sequence: request.sequence,
    podsJson: request.pods.map(json),
  }),
  from: (message: proto.UpdateGuestsRequest): UpdateRequest => ({
    homeEpoch: epoch(message.homeEpoch),
    sequence: sequenceNumber(message.sequence),
    pods: podsOf(message.podsJson),
  }),
};

export const updateAnswer = {
  to: (results: readonly UpdateResult[]): proto.UpdateGuestsResponse => ({
    results: results.map(({ uid, refused }) => ({
      uid,
      refused: refused && sentVerdict(refused),
    })),
  }),
  from: (message: proto.UpdateGuestsResponse): readonly UpdateResult[] =>
    list(message.results, 'results', negotiationBounds.commitPodsMax).map(({ uid, refused }) => ({
      uid: podUid(uid),
      ...(refused && { refused: verdictOf(refused) }),
    })),
};

export const releaseRequest = {
  to: (request: ReleaseRequest): proto.ReleaseRequest => ({
    homeEpoch: request.homeEpoch,
    reservations: [...request.reservations],
    guests: request.guests.map(({ uid, gracePeriodSeconds }) => ({ uid, gracePeriodSeconds })),
  }),
  from: (message: proto.ReleaseRequest): ReleaseRequest => ({
    homeEpoch: epoch(message.homeEpoch),
    reservations: list(message.reservations, 'reservations', 1024).map(reservationId),
    guests: list(message.guests, 'guests', negotiationBounds.releaseGuestsMax).map(
      ({ uid, gracePeriodSeconds }) => ({
        uid: podUid(uid),
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      }),
    ),
  }),
};

export const guestUpdate = {
  to: (update: GuestUpdate): proto.GuestUpdate => ({
    kind: update.kind,
    uid: update.kind === 'synced' ? '' : update.uid,
    namespace: update.kind === 'status' ? update.namespace : '',
    name: update.kind === 'status' ? update.name : '',
    statusJson: statusBytes(update),
    terminating: update.kind === 'status' && update.terminating,
    reason: update.kind === 'gone' ? update.reason : '',
    message: update.kind === 'gone' ? update.message : '',
  }),
  from: (message: proto.GuestUpdate): GuestUpdate => {
    switch (message.kind) {
      case 'synced':
        return { kind: 'synced' };
      case 'status':
        return {
          kind: 'status',
          uid: podUid(message.uid),
          namespace: label(message.namespace, 'namespace'),
          name: text(message.name, 'name', 253),
          status: jsonObject(message.statusJson, 'status', podJsonBytesMax) as Status,
          terminating: message.terminating,
        };
      case 'gone':
        return {
          kind: 'gone',
          uid: podUid(message.uid),
          reason: text(message.reason, 'reason', reasonMax),
          message: text(message.message, 'message', 32 * 1024),
          ...(message.statusJson.length > 0 && {
            lastStatus: jsonObject(message.statusJson, 'status', podJsonBytesMax) as Status,
          }),
        };
      default:
        throw invalid('kind', 'status, gone or synced');
    }
  },
};

export function epoch(value: number): number {
  return count(value, 'homeEpoch', Number.MAX_SAFE_INTEGER);
}

function sequenceNumber(value: number): number {
  return count(value, 'sequence', Number.MAX_SAFE_INTEGER);
}

function statusBytes(update: GuestUpdate): Buffer {
  const status =
    update.kind === 'status'
      ? update.status
      : update.kind === 'gone'
        ? update.lastStatus
        : undefined;
  return status === undefined ? Buffer.alloc(0) : json(status);
}

/** An API server's words may be longer than what is accepted at the other side. */
function sentVerdict({ code, reason, stage }: Verdict): proto.Verdict {
  return { code, reason: reason.slice(0, reasonMax), stage };
}

function verdictOf({ code, reason, stage }: proto.Verdict): Verdict {
  if (!verdictCodes.has(code)) throw invalid('verdict.code', 'a known code');
  return {
    code: code as VerdictCode,
    reason: text(reason, 'verdict.reason', reasonMax),
    stage: text(stage, 'verdict.stage', 128),
  };
}

function podsOf(podsJson: readonly Uint8Array[]): readonly Pod[] {
  return list(podsJson, 'pods', negotiationBounds.commitPodsMax).map((bytes) =>
    podOf(jsonObject(bytes, 'pod', podJsonBytesMax)),
  );
}

function podOf(value: object): Pod {
  const { metadata, spec } = value as { metadata?: Pod['metadata']; spec?: object };
  if (typeof metadata !== 'object' || metadata === null) throw invalid('pod.metadata', 'an object');
  podUid(metadata.uid ?? '');
  text(required(metadata.name, 'pod.metadata.name'), 'pod.metadata.name', 253);
  label(required(metadata.namespace, 'pod.metadata.namespace'), 'pod.metadata.namespace');
  if (typeof spec !== 'object' || spec === null) throw invalid('pod.spec', 'an object');
  return { metadata, spec: podSpec(spec) };
}

/** Enough that no code of ours trips over it; the API server validates the rest. */
function podSpec(value: object): PodSpec {
  const spec = value as Partial<Record<keyof PodSpec, unknown>>;
  if (!Array.isArray(spec.containers) || spec.containers.length === 0) {
    throw invalid('spec.containers', 'at least one container');
  }
  const lists = [
    'containers',
    'initContainers',
    'tolerations',
    'topologySpreadConstraints',
    'volumes',
  ] as const;
  for (const field of lists) {
    const items = spec[field] ?? [];
    if (!Array.isArray(items) || !items.every(isObject))
      throw invalid(`spec.${field}`, 'a list of objects');
  }
  return value as PodSpec;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
