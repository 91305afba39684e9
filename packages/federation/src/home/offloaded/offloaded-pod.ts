/** One pod bound to a neighbour: its states, what is known of it, and the one call that is under way. */
import {
  assert,
  type ClusterName,
  type MonotonicMs,
  type Pod,
  type PodStatus,
  type PodUid,
  podStatusText,
} from '@spillway/core';
import { type Changeable, changeableOf } from '../../offload/changeable.ts';
import { leftOutOf } from '../../offload/left-out.ts';
import { isTerminal } from '../../offload/mirrored-status.ts';
import type { Backoff } from '../backoff.ts';
import type { PodRef } from '../events.ts';
import type { Grant } from '../pending/grant.ts';
import { type PodLife, podText } from '../pod-life.ts';
import { nextState } from '../state-table.ts';
import type { PodEvent, PodState } from './states.ts';
import {
  type GuestEvent,
  type GuestState,
  guestTable,
  type HomePodEvent,
  type HomePodState,
  homePodTable,
} from './sub-states.ts';

/** At its host, or for `finalize` at the API server of its home. */
export type Call = 'commit' | 'release' | 'finalize';

export class OffloadedPod {
  readonly ref: PodRef;
  readonly host: ClusterName;
  readonly backoff: Backoff;
  /** Its status is what we last wrote or mean to write, which the watch may not show yet. */
  pod: Pod;
  /** Something else has bound it, and its host shows no guest of it. Stays true once it is given back. */
  foreign = false;
  /** A foreign pod is not given back before; undefined until its host has shown all its guests. */
  giveBackAt: MonotonicMs | undefined;
  /** What the host last showed. */
  shown: PodStatus | undefined;
  /** What the host was sent last and has taken; undefined when that is not known. */
  sent: Changeable | undefined;
  grant: Grant | undefined;
  /** No call before then. */
  retryAt: MonotonicMs | undefined;
  refusedSince: MonotonicMs | undefined;
  /** The host is known to have made the guest. */
  wasThere = false;
  /** Why the host does not take it, or has ended it, in its own words. */
  problem: string | undefined;
  /** What a withdrawing pod fails with. */
  withdrawn: { readonly reason: string; readonly message: string } | undefined;
  /** The status that is being written at home. */
  writing: PodStatus | undefined;
  /** Newer than `writing`. */
  unwritten: PodStatus | undefined;
  /** The terminal status that was written. */
  final: PodStatus | undefined;
  readonly #life: PodLife;
  #changeable: (Pick<Pod, 'metadata' | 'spec'> & { readonly value: Changeable }) | undefined;
  #guest: GuestState = 'unknown';
  #homePod: HomePodState = 'present';
  #call: Call | undefined;

  constructor(options: {
    readonly life: PodLife;
    readonly host: ClusterName;
    readonly pod: Pod;
    readonly backoff: Backoff;
  }) {
    this.#life = options.life;
    this.ref = options.life.ref;
    this.host = options.host;
    this.pod = options.pod;
    this.backoff = options.backoff;
  }

  get state(): PodState {
    return this.#life.state;
  }

  /** What of its pod may be changed. Computed once for each version of it that the watch shows. */
  get changeable(): Changeable {
    const { metadata, spec } = this.pod;
    const known = this.#changeable;
    if (known?.metadata === metadata && known.spec === spec) return known.value;
    const value = changeableOf(this.pod);
    this.#changeable = { metadata, spec, value };
    return value;
  }

  get guest(): GuestState {
    return this.#guest;
  }

  get homePod(): HomePodState {
    return this.#homePod;
  }

  /** The call that is under way: never two at a time. */
  get call(): Call | undefined {
    return this.#call;
  }

  on(event: PodEvent): void {
    this.#life.on(event);
  }

  guestOn(event: GuestEvent): void {
    const subject = (): string => `guest of ${podText(this.ref)}`;
    this.#guest = nextState(guestTable, { from: this.#guest, event, subject });
  }

  homePodOn(event: HomePodEvent): void {
    const subject = (): string => `${podText(this.ref)} at home`;
    this.#homePod = nextState(homePodTable, { from: this.#homePod, event, subject });
  }

  begin(call: Call): void {
    const { ref, state } = this;
    assert(
      this.#call === undefined && nextCall(this) === call,
      () => `${podText(ref)}: ${call} in state ${state}, with ${this.#call ?? 'no call'} under way`,
    );
    this.#call = call;
  }

  /** False when the answer is of no call that is under way, so that it says nothing. */
  ended(call: Call): boolean {
    if (this.#call !== call) return false;
    this.#call = undefined;
    return true;
  }
}

/** What its host, or at last the API server, is to be asked next. */
export function nextCall(entry: OffloadedPod): Call | 'forget' | undefined {
  const { state, guest, homePod } = entry;
  if (state === 'committing' || isProbing(entry)) return 'commit';
  if (guest === 'unwanted' || guest === 'released') return 'release';
  if (state !== 'ending') return undefined;
  if (guest !== 'gone') return 'release';
  if (homePod === 'gone') return 'forget';
  return homePod === 'finalized' || entry.writing !== undefined ? undefined : 'finalize';
}

/** Its guest was created and no stream has shown it: the commit is repeated to learn whether it still exists. */
export function isProbing({ state, guest }: OffloadedPod): boolean {
  return state === 'running' && guest === 'created';
}

/** The states and what goes with them agree. O(1). @throws Fault `Internal`. */
export function assertConsistent(entry: OffloadedPod): void {
  const broken = inconsistency(entry);
  assert(broken === undefined, () => {
    const { ref, state, guest, homePod, call = 'none' } = entry;
    const states = `state ${state}, guest ${guest}, pod at home ${homePod}, call ${call}`;
    return `${podText(ref)}: ${broken} (${states})`;
  });
}

function inconsistency(entry: OffloadedPod): string | undefined {
  const { state, guest, homePod, call } = entry;
  if (homePod === 'gone' && state !== 'ending') return 'its pod is gone and it is not ending';
  if (homePod === 'finalized' && guest !== 'gone' && state !== 'ending') return 'let go too early';
  if (call === 'finalize' && state !== 'ending') return 'finalized before its end';
  const holds = consistent[state];
  if (holds === undefined) return 'such a pod is not offloaded';
  return holds(entry) ? undefined : `what is known of it does not go with ${state}`;
}

/** For each state of an offloaded pod, what holds in it. */
const consistent: { readonly [In in PodState]?: (entry: OffloadedPod) => boolean } = {
  // Nothing of it is sent.
  foreign: ({ call, guest }) => call === undefined && guest === 'unknown',
  committing: ({ guest }) => guest === 'unknown',
  running: ({ guest, pod }) =>
    (guest === 'assumed' || guest === 'created' || guest === 'shown') && !isTerminal(pod.status),
  closing: ({ unwritten, writing }) => unwritten !== undefined || writing !== undefined,
  withdrawing: ({ guest }) => guest === 'unwanted' || guest === 'released',
  // A slot is settled when the pod has ended, or when its commit has.
  finished: ({ grant, call }) => grant === undefined || call === 'commit',
  ending: ({ grant, call }) => grant === undefined || call === 'commit',
};

const commandPhases = ['committing', 'withdrawing', 'ending', 'finished'] as const;

/** Who has it, for what is asked of it by name. */
export interface PodAway {
  readonly uid: PodUid;
  readonly host: ClusterName;
}

/** For people. */
export interface OffloadedState {
  readonly host: ClusterName;
  readonly podState: PodState;
  /** `podState`, as it is told to commands: `away` while it runs, or has ended and that is being written. */
  readonly phase: (typeof commandPhases)[number] | 'away';
  /** The pod's phase as last mirrored, or the reason of one that has failed. */
  readonly status: string;
  readonly wasThere: boolean;
  /** Services of this cluster may list it: the pod networks are joined. */
  readonly joined: boolean;
  /** What the host runs it without, in words: `annotation x`. */
  readonly leftOut: readonly string[];
  readonly problem?: string;
}

/** The status of a terminal pod remains when the agent that wrote it has ended. */
export function offloadedState(entry: OffloadedPod): Omit<OffloadedState, 'joined'> {
  const { host, state, pod, wasThere, problem } = entry;
  const said = problem ?? (pod.status?.phase === 'Failed' ? pod.status.message : undefined);
  return {
    host,
    podState: state,
    phase: phaseOf(state),
    status: podStatusText(pod),
    wasThere,
    leftOut: leftOutOf(pod),
    ...(said !== undefined && { problem: said }),
  };
}

function phaseOf(state: PodState): OffloadedState['phase'] {
  return commandPhases.find((phase) => phase === state) ?? 'away';
}
