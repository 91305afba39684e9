/** The home's knobs. Durations in ms; the relations between them are asserted at start. */
import { Fault } from '@spillway/core';

export interface HomeConfig {
  /** How long a new pod waits for others of its shape, so that they are decided together. */
  readonly batchMs: number;
  /** After a change of neighbours' room, how long until waiting pods are tried again. */
  readonly neighbourBatchMs: number;
  /** How long the better ranked neighbours may keep the answers of the others waiting. */
  readonly askPatienceMs: number;
  /** How long a pod that fits at home is left to the home's own scheduler. */
  readonly localGraceMs: number;
  /** Retry of a shape for which there was no room: doubles from min to max. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** How long until a bound pod fails whose host has no room after all. */
  readonly refusedPatienceMs: number;
  /** How long a neighbour's refusal is remembered; its next advert clears it. */
  readonly refusalTtlMs: number;
  /** How long a host's word that it takes a template holds, ± 25 %. */
  readonly triedOkTtlMs: number;
  /** A template that a host refuses is sent there again after `triedRetryMsMin`, doubling to the maximum. */
  readonly triedRetryMsMin: number;
  readonly triedRetryMsMax: number;
  /** Maximum number of templates and hosts of which is remembered what was said. */
  readonly triedMax: number;
  /**
   * Maximum number of pods of one kind that are bound to a neighbour before it has created one of them. 8 is
   * few where a quota accepts fewer: the others fail. It is also enough for speed. A burst asks up to
   * `askFanOutMax` neighbours, 4, so 32 pods are bound at once. After one round trip these are 64, the
   * maximum that the agent binds at once. One neighbour alone takes three round trips to that. It would take
   * six if one pod went ahead, as in a ReplicaSet.
   */
  readonly firstPodsMax: number;
  /** How long a pause in the pods of one kind at a neighbour is until the first ones go alone again. */
  readonly firstPodsAgainMs: number;
  /** How long others wait for the first ones before other neighbours are asked; less than a host holds room for them. */
  readonly heldBackMsMax: number;
  /** Maximum of neighbours that are asked at once for one shape. */
  readonly askFanOutMax: number;
  readonly askCountMax: number;
  /** A neighbour whose last advert says that it is full is still asked when that advert is older than this. */
  readonly doubtMs: number;
  /** Maximum of these that are asked at once for one shape, the nearest first. */
  readonly doubtedMax: number;
  /** While they grant nothing they are asked again less and less often: after `doubtMs`, then up to this long apart. */
  readonly doubtRetryMsMax: number;
  /** How long a pod waits for its volumes on one node before it is placed again, ms; kube-scheduler's `bindTimeoutSeconds`. */
  readonly volumesMsMax: number;
  /** Maximum pods of one shape for which others are preempted in one round. */
  readonly preemptionsMax: number;
  readonly commitPodsMax: number;
  /** Not less than `firstPodsMax`, so that each of the first ones is committed as soon as it is bound. */
  readonly commitsInFlightPerHostMax: number;
  readonly releaseGuestsMax: number;
  /**
   * How long the home waits before it gives back the next pods of one controller that something else has
   * bound to a virtual node. It doubles from min to max. It starts again at min after a quiet time of max.
   */
  readonly giveBackMsMin: number;
  readonly giveBackMsMax: number;
  /** Shortest pause before a pod's owner is told again why it waits. */
  readonly explainMsMin: number;
}

export const homeDefaults: HomeConfig = Object.freeze({
  batchMs: 5,
  neighbourBatchMs: 50,
  askPatienceMs: 1_000,
  localGraceMs: 3_000,
  retryMsMin: 500,
  retryMsMax: 30_000,
  refusedPatienceMs: 60_000,
  refusalTtlMs: 2_000,
  triedOkTtlMs: 600_000,
  triedRetryMsMin: 5_000,
  triedRetryMsMax: 300_000,
  triedMax: 4_096,
  firstPodsMax: 8,
  firstPodsAgainMs: 10_000,
  heldBackMsMax: 3_000,
  askFanOutMax: 4,
  askCountMax: 256,
  doubtMs: 500,
  doubtedMax: 4,
  doubtRetryMsMax: 2_000,
  volumesMsMax: 600_000,
  preemptionsMax: 16,
  commitPodsMax: 64,
  commitsInFlightPerHostMax: 8,
  releaseGuestsMax: 1024,
  giveBackMsMin: 1_000,
  giveBackMsMax: 300_000,
  explainMsMin: 30_000,
});

/** @throws Fault `InvalidConfig` naming the knobs whose relation does not hold. */
export function checkedHomeConfig(config: HomeConfig): HomeConfig {
  for (const [knob, value] of Object.entries(config)) {
    if (!Number.isFinite(value) || value <= 0) {
      throw new Fault('InvalidConfig', `home.${knob}: expected a positive number, got ${value}`);
    }
  }
  if (config.retryMsMin > config.retryMsMax) {
    throw new Fault('InvalidConfig', 'home.retryMsMin must not exceed home.retryMsMax');
  }
  if (config.giveBackMsMin > config.giveBackMsMax) {
    throw new Fault('InvalidConfig', 'home.giveBackMsMin must not exceed home.giveBackMsMax');
  }
  if (config.firstPodsMax > config.commitsInFlightPerHostMax) {
    throw new Fault(
      'InvalidConfig',
      'home.firstPodsMax must not exceed home.commitsInFlightPerHostMax',
    );
  }
  if (config.doubtMs > config.doubtRetryMsMax) {
    throw new Fault('InvalidConfig', 'home.doubtMs must not exceed home.doubtRetryMsMax');
  }
  if (config.triedRetryMsMin > config.triedRetryMsMax) {
    throw new Fault('InvalidConfig', 'home.triedRetryMsMin must not exceed home.triedRetryMsMax');
  }
  if (config.batchMs > config.retryMsMin) {
    throw new Fault('InvalidConfig', 'home.batchMs must not exceed home.retryMsMin');
  }
  return Object.freeze({ ...config });
}
