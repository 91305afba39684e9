/**
 * What a benchmark reports, as one JSON object. The schema is the contract: `--json` prints it, the
 * HTML report and `compare` read it, and it is published as JSON Schema for others.
 */
import { z } from 'zod';

const ratio = z.number().min(0).max(1);
const ms = z.number().min(0);
const count = z.number().int().min(0);

/** In the order in which tables list them. */
export const systems = [
  'spillway',
  'isolated',
  'kubefed-static',
  'kubefed-rsp',
  'kubefed-rsp-rebalance',
  'kubefed-rsp-even',
  'kubefed-0.4.0-rsp',
  'mck8s',
  'mck8s-worst-fit',
  'mck8s-best-fit',
  'mck8s-most-traffic',
  'oracle',
] as const;
export type SystemName = (typeof systems)[number];

/** One system on one trial. */
export const resultSchema = z.strictObject({
  system: z.enum(systems),
  mode: z.enum(['live', 'simulated']),
  scenario: z.string(),
  load: z.number().positive(),
  seed: count,
  clusters: count,
  durationMs: ms,
  /** Pending pods in parts of existing pods, both summed over time. */
  pendingPodRatio: ratio,
  pendingPodRatioAtEnd: ratio,
  /** Replicas that did not run in parts of replicas demanded, both summed over time. */
  unservedReplicaRatio: ratio,
  unservedReplicaRatioAtEnd: ratio,
  /** From creation to running. Null where no pod ever ran. */
  waitMs: z.strictObject({ p50: ms, p95: ms, p99: ms }).nullable(),
  /** From creation to a real node, at home or away. */
  createdToBoundMs: z.strictObject({ p50: ms, p95: ms, p99: ms }).nullable(),
  pods: count,
  /** Pods that were never running while they existed. */
  neverRan: count,
  evictions: count,
  /** Pods bound in the busiest second. */
  decisionsPerSecondMax: z.number().min(0),
  /** Of pods that got a node, how many got one away from home. */
  offloadedShare: ratio,
  /**
   * Home to host, over pods that ran away from home. `best`: if each had gone to the nearest cluster with
   * room for it when it was bound.
   */
  offloadRttMs: z.strictObject({ mean: ms, best: ms }).nullable(),
  /** Of all clusters' room for the scarcest resource, over time. */
  utilisation: ratio,
  /** Jain's index over the homes' served parts of their demand: 1 is equal. */
  fairness: ratio,
  /** Per agent; messages and bytes in the second half of the run. Null where there are none. */
  agents: z
    .strictObject({
      messagesPerSecond: z.number().min(0),
      bytesPerSecond: z.number().min(0),
      /** From a change of room until 99 % of the agents knew of it, the wait for the advert's turn included: median. */
      known99Ms: ms,
      /** The same from when the advert was said. */
      spread99Ms: ms,
      /** How old adverts were when someone asked by them. */
      stalenessMs: z.strictObject({ p50: ms, p99: ms }),
      slotsAsked: count,
      slotsRefused: count,
    })
    .nullable(),
  processes: z.array(
    z.strictObject({ name: z.string(), cpuSeconds: z.number().min(0), rssMib: z.number().min(0) }),
  ),
  /** For plots. Times in ms of the trial's clock. */
  series: z.strictObject({
    /** Equal steps: at `atMs`, how many pods existed, how many of them were pending, replicas demanded and served. */
    course: z.array(
      z.strictObject({
        atMs: ms,
        existing: count,
        pending: count,
        demanded: count,
        served: count,
      }),
    ),
    /** Waiting time in ms at each percentile 1 to 100 of all pods; null: still waiting at their end. */
    waitPercentilesMs: z.array(ms.nullable()),
    /** Offload RTT in ms at each percentile 1 to 100. Empty where nothing was offloaded. */
    offloadRttPercentilesMs: z.array(ms),
    /** `flows[home][host]`: pods of the home that got a node at the host. Empty beyond 30 clusters. */
    flows: z.array(z.array(count)),
    /** Pods that run in each cluster at the end. Empty beyond 30 clusters. */
    runningAtEnd: z.array(count),
    clusterNames: z.array(z.string()),
  }),
});
export type Result = z.infer<typeof resultSchema>;

/** Growth of a federation, load per cluster constant. */
export const growthSchema = z.strictObject({
  clusters: count,
  pendingPodRatio: ratio,
  offloadRttMs: z.strictObject({ mean: ms, best: ms }).nullable(),
  /** Adverts, copies and gossip about them included, in the second half of the run; null where none was said then. */
  bytesPerSecondPerAgent: z.number().min(0).nullable(),
  /**
   * From a change of room until 99 % of the agents know of it, including the wait for the advert's turn.
   * Median over changes; null as above.
   */
  known99Ms: ms.nullable(),
  /** The same from when the advert was said, at any time of the run. */
  spread99Ms: ms,
  directoryBytesPerAgent: z.number().min(0),
  processRssMib: z.number().min(0),
  runSeconds: z.number().min(0),
});
export type Growth = z.infer<typeof growthSchema>;

export const reportSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** What was typed. */
  command: z.string(),
  startedAt: z.string(),
  /** False for what Ctrl-C or an error left: the results that are there are whole. */
  complete: z.boolean(),
  versions: z.record(z.string(), z.string()),
  machine: z.strictObject({ cpu: z.string(), cores: count, memoryGib: z.number(), os: z.string() }),
  results: z.array(resultSchema),
  growth: z.array(growthSchema),
});
export type Report = z.infer<typeof reportSchema>;
