/**
 * KubeFed's delays and thresholds, ms, by default. They are the same in v0.4.0 and v0.10.0 unless noted.
 * Each has its place in kubernetes-retired/kubefed.
 *
 * Work waits in a queue keyed by object. Of two delays for one object, the one that ends earlier counts, and
 * the other is dropped (`pkg/controller/util/delaying_deliverer.go`). One worker per controller.
 */
export const kubefedTiming = {
  /** From a change of a member's Deployment until it is planned or synced again; `worker.go`, RetryDelay. */
  memberEventMs: 10_000,
  /** From a plan that asks to be checked again until it is; `worker.go`, RetryDelay. */
  recheckMs: 10_000,
  /** A pod counts as unschedulable when it has been so for longer; `podanalyzer/pod_helper.go`. */
  unschedulableMs: 60_000,
  /** After an error the first wait, doubling up to the second; `worker.go`. */
  errorBackoffMs: { first: 5_000, max: 60_000 },
  /**
   * Probes of each cluster; `apis/core/v1beta1/defaults/defaults.go`. The threshold is compared with the
   * run of equal results *before* the probe, so one failure makes a long-healthy cluster not ready
   * (`kubefedcluster/controller.go`, thresholdAdjustedClusterStatus).
   */
  health: { periodMs: 10_000, timeoutMs: 3_000, failureThreshold: 3, successThreshold: 1 },
  /** From a cluster's turning ready, or not ready, until everything is planned again; `defaults.go`. */
  clusterAvailableMs: 20_000,
  clusterUnavailableMs: 60_000,
  /** On top of these two, for every object; `schedulingpreference/controller.go`, smallDelay. */
  clusterChangeMs: 3_000,
  /** v0.10.0: between looks whether the caches have synced; `pkg/controller/util/constants.go`. */
  syncedPollMs: 10_000,
} as const;
