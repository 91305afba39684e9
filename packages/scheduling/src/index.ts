export { type Evaluation, evaluate } from './evaluation.ts';
export * from './ledger.ts';
export { fitCountOn } from './filter/node-resources-fit.ts';
export type { NodeState, PlacedPod } from './node-state.ts';
export { type KeepFree, keptOn } from './keep-free.ts';
export { type Plan, type PlaceOptions, placePods } from './place.ts';
export * from './preemption/preempt.ts';
export type { Victim } from './preemption/victims.ts';
export * from './selectors.ts';
export * from './snapshot.ts';
export { boundByController, isSetAside } from './volumes/assumed-volumes.ts';
export {
  selectedNodeAnnotation,
  volumePlan,
  type VolumePlan,
} from './volumes/volume-plan.ts';
export { type VolumeProgress, volumeProgress } from './volumes/volume-progress.ts';
