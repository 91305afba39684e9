/**
 * What a Neighbour object shows: facts of the directory, rounded to what a person would see, so that jitter
 * writes nothing. A shown round-trip time stays until the real one differs from it by a tenth. Rounding
 * alone would flap where a value lies between two roundings.
 */
import type { ClusterName, WallMs } from '@spillway/core';
import {
  type Amounts,
  commonShapeFits,
  freeExtended,
  type FreeCapacity,
} from '@spillway/federation';

export type NeighbourState = 'alive' | 'suspect' | 'gone' | 'revoked';

/** One neighbour as its agent knows it now. */
export interface NeighbourFacts {
  readonly cluster: ClusterName;
  readonly state: NeighbourState;
  /** Its virtual node is cordoned. */
  readonly cordoned: boolean;
  /** How the open connection goes, if there is one. */
  readonly link: 'direct' | 'relayed' | 'none';
  readonly rttMs: number;
  readonly rttMeasured: boolean;
  readonly accepting: boolean;
  readonly guestsFree: number;
  readonly room: FreeCapacity;
  /** Sums over its nodes. */
  readonly free: Amounts;
  readonly guestsHere: number;
  readonly podsThere: number;
  readonly lastHeard: WallMs;
  readonly attributes: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
}

export interface ObjectCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export interface NeighbourStatus {
  readonly state: NeighbourState;
  /** What kubectl prints: the state, and whether it is cordoned, as for Nodes. */
  readonly standing: string;
  readonly cordoned?: boolean;
  readonly connected: boolean;
  readonly link: NeighbourFacts['link'];
  readonly rtt: string;
  readonly rttMs: number;
  readonly rttMeasured: boolean;
  readonly room: {
    readonly summary: string;
    readonly shapes: readonly { readonly name: string; readonly fits: number }[];
    readonly cpuFree: string;
    readonly memoryFree: string;
    readonly gpusFree: number;
    readonly extendedFree: Readonly<Record<string, number>>;
  };
  readonly guestsHere: number;
  readonly podsThere: number;
  readonly lastHeard: string;
  /** When the agent last looked: what is older than some minutes nobody vouches for any more. */
  readonly asOf: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly conditions: readonly ObjectCondition[];
}

/** Bounds of the schema: what a neighbour says beyond is not shown. */
const shownMax = { addresses: 16, labels: 64, extended: 32 } as const;
const rttTolerance = 0.1;
const rttToleranceMs = 0.5;
/** The shape that the ROOM column counts. */
const summaryShape = '1/1Gi';
const gibibyte = 2 ** 30;

/** The status to show, given what was shown before. */
export function neighbourStatus(
  facts: NeighbourFacts,
  before: NeighbourStatus | undefined,
  now: WallMs,
): NeighbourStatus {
  const rttMs = steadyRttMs(facts.rttMs, before?.rttMs);
  return {
    state: facts.state,
    standing: facts.cordoned ? `${facts.state},cordoned` : facts.state,
    cordoned: facts.cordoned,
    connected: facts.link !== 'none',
    link: facts.link,
    rtt: `${facts.rttMeasured ? '' : '~'}${rttMs}ms`,
    rttMs,
    rttMeasured: facts.rttMeasured,
    room: shownRoom(facts),
    guestsHere: facts.guestsHere,
    podsThere: facts.podsThere,
    lastHeard: timestamp(facts.lastHeard),
    asOf: timestamp(now),
    attributes: firstOf(facts.attributes, shownMax.labels),
    labels: firstOf(facts.labels, shownMax.labels),
    addresses: facts.addresses.slice(0, shownMax.addresses),
    conditions: withTransitions(conditionsOf(facts), before?.conditions ?? [], now),
  };
}

/** Whether a person who looks at both sees a difference, times aside. */
export function looksAlike(a: NeighbourStatus, b: NeighbourStatus): boolean {
  return JSON.stringify(withoutTimes(a)) === JSON.stringify(withoutTimes(b));
}

/** Conditions keep their transition time while their status stays. */
export function withTransitions(
  conditions: readonly Omit<ObjectCondition, 'lastTransitionTime'>[],
  before: readonly ObjectCondition[],
  now: WallMs,
): readonly ObjectCondition[] {
  return conditions.map((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    const lastTransitionTime =
      known?.status === condition.status ? known.lastTransitionTime : timestamp(now);
    return { ...condition, lastTransitionTime };
  });
}

function steadyRttMs(rttMs: number, shown: number | undefined): number {
  if (shown !== undefined) {
    const tolerance = Math.max(rttToleranceMs, shown * rttTolerance);
    if (Math.abs(rttMs - shown) <= tolerance) return shown;
  }
  return Number(rttMs.toPrecision(2));
}

function shownRoom({ room, free }: NeighbourFacts): NeighbourStatus['room'] {
  const extended = freeExtended(room);
  const fits = commonShapeFits(room);
  let gpusFree = 0;
  for (const [name, amount] of extended) if (name.toLowerCase().endsWith('gpu')) gpusFree += amount;
  const gpus = gpusFree > 0 ? `, ${gpusFree} GPU` : '';
  return {
    summary: `${fits[summaryShape] ?? 0} x ${summaryShape}${gpus}`,
    shapes: Object.entries(fits).map(([name, count]) => ({ name, fits: count })),
    cpuFree: tenths(free.milliCpu / 1000),
    memoryFree: `${tenths(free.memoryBytes / gibibyte)}Gi`,
    gpusFree,
    extendedFree: firstOf(Object.fromEntries(extended), shownMax.extended),
  };
}

type Condition = Omit<ObjectCondition, 'lastTransitionTime'>;

function conditionsOf({ state, accepting, guestsFree }: NeighbourFacts): readonly Condition[] {
  return [reachable[state], guestsCondition(accepting, guestsFree)];
}

const reachable: Readonly<Record<NeighbourState, Condition>> = {
  alive: {
    type: 'Reachable',
    status: 'True',
    reason: 'HeardFrom',
    message: 'the agent hears it',
  },
  suspect: {
    type: 'Reachable',
    status: 'Unknown',
    reason: 'Silent',
    message: 'the agent has not heard it lately; it sends no new pods there',
  },
  gone: {
    type: 'Reachable',
    status: 'False',
    reason: 'Gone',
    message: 'the agent has not heard it for a long time; its virtual node is NotReady',
  },
  revoked: {
    type: 'Reachable',
    status: 'False',
    reason: 'Revoked',
    message: 'the federation has revoked its membership',
  },
};

function guestsCondition(accepting: boolean, guestsFree: number): Condition {
  const type = 'AcceptsGuests';
  if (!accepting)
    return { type, status: 'False', reason: 'Closed', message: 'it does not accept guests' };
  if (guestsFree <= 0) {
    const message = 'guest limit reached';
    return { type, status: 'False', reason: 'Full', message };
  }
  return { type, status: 'True', reason: 'Open', message: 'it accepts more guests' };
}

function withoutTimes(status: NeighbourStatus): object {
  const conditions = status.conditions.map(withoutTime);
  return { ...status, lastHeard: '', asOf: '', conditions };
}

function withoutTime({ lastTransitionTime: _time, ...condition }: ObjectCondition): Condition {
  return condition;
}

function firstOf<Value>(
  record: Readonly<Record<string, Value>>,
  max: number,
): Readonly<Record<string, Value>> {
  const sorted = Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.slice(0, max));
}

function tenths(value: number): string {
  return `${Math.floor(value * 10) / 10}`;
}

/** Kubernetes' times have no fractions of a second. */
export function timestamp(wallMs: WallMs): string {
  return `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
}
