/**
 * A trial: clusters, distances, and who asks for how many pods when. It is the same for every system
 * that is compared, live or simulated. Demand is open-loop: it follows the trial's clock, whatever a
 * system makes of it, so that the systems can be compared pair by pair.
 */
export interface Trial {
  readonly scenario: string;
  /** Demand in parts of all clusters' room, as the scenario defines it. */
  readonly load: number;
  readonly seed: number;
  readonly durationMs: number;
  readonly clusters: readonly TrialCluster[];
  /** Round trip between two clusters by index, ms; symmetric, 0 to itself. */
  readonly rttMs: (a: number, b: number) => number;
  readonly links: LinkWeather;
  readonly apps: readonly App[];
}

export interface LinkWeather {
  /** Maximum share of the one-way delay by which each direction is longer, uniformly. */
  readonly jitter: number;
  /** Of messages, 0 to 1. */
  readonly loss: number;
  readonly cuts: readonly Cut[];
}

/** Nothing passes between the two sides, in either direction. */
export interface Cut {
  readonly fromMs: number;
  readonly toMs: number;
  /** Indices of the clusters on one side. */
  readonly clusters: readonly number[];
}

export interface TrialCluster {
  /** A DNS label. */
  readonly name: string;
  readonly nodes: readonly TrialNode[];
}

/** What pods may have of it. */
export interface TrialNode {
  readonly milliCpu: number;
  readonly memoryMib: number;
  /** Thousandths of a GPU; 0 for none. */
  readonly milliGpu: number;
  readonly gpuModel?: string;
}

/** A Deployment in each of `homes`. */
export interface App {
  /** A DNS label, unique in the trial. */
  readonly name: string;
  readonly pod: PodAsk;
  /** Indices of the clusters where its replicas are asked; one or more, all different. */
  readonly homes: readonly number[];
  /** Replicas asked at *each* home from `atMs` on; times rise. 0 replicas at the end: it is deleted. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly atMs: number;
  readonly replicas: number;
}

export interface PodAsk {
  readonly milliCpu: number;
  readonly memoryMib: number;
  /** Thousandths of a GPU, 0 for none; shares of one GPU and whole ones are added up node by node. */
  readonly milliGpu: number;
  /** It runs on these models only. */
  readonly gpuModels?: readonly string[];
}
