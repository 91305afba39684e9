/** The default pipeline, in kube-scheduler's order: the first stage that refuses a node ends it. */
import { interPodAffinity } from './filter/inter-pod-affinity.ts';
import { nodeAffinity } from './filter/node-affinity.ts';
import { nodeName } from './filter/node-name.ts';
import { nodePorts } from './filter/node-ports.ts';
import { nodeResourcesFit } from './filter/node-resources-fit.ts';
import { nodeUnschedulable } from './filter/node-unschedulable.ts';
import { pinnedNodes } from './filter/pinned-nodes.ts';
import { podTopologySpread } from './filter/pod-topology-spread.ts';
import { taintToleration } from './filter/taint-toleration.ts';
import { volumeBinding } from './filter/volume-binding.ts';
import { volumeLimits } from './filter/volume-limits.ts';
import { balancedAllocation } from './score/balanced-allocation.ts';
import { leastAllocated } from './score/least-allocated.ts';
import { nodeAffinityPreference } from './score/node-affinity-preference.ts';
import { podAffinityPreference } from './score/pod-affinity-preference.ts';
import { spreadPreference } from './score/spread-preference.ts';
import { taintPreference } from './score/taint-preference.ts';
import type { FilterStage, ScoreStage } from './stage.ts';

export const filters: readonly FilterStage[] = [
  pinnedNodes, // names the nodes it may run on: the others are not even looked at
  nodeUnschedulable, // cordoned
  nodeName, // names another node
  taintToleration, // repels pods that do not tolerate it
  nodeAffinity, // has not the labels asked for
  nodePorts, // a port asked for is taken
  nodeResourcesFit, // CPU, memory, storage, GPUs, number of pods
  volumeLimits, // can attach no more volumes of that CSI driver
  volumeBinding, // its volumes can't be reached from here, or not be made here
  podTopologySpread, // would be too many of them in one place
  interPodAffinity, // not near whom it must be near, or too near
];

export const scores: readonly ScoreStage[] = [
  leastAllocated, // spreads load
  balancedAllocation, // keeps CPU and memory in step
  taintPreference, // heeds PreferNoSchedule
  nodeAffinityPreference, // heeds preferred labels
  spreadPreference, // heeds spread that may be broken
  podAffinityPreference, // heeds preferred company
];
