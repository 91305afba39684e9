export { type Judgement, judge } from './judgement.ts';
export * from './ledger.ts';
export { fitsTimes } from './filter/node-resources-fit.ts';
export type { NodeState, PlacedPod } from './node-state.ts';
export { type KeepFree, keptOn } from './keep-free.ts';
export { type Plan, type PlaceOptions, placePods } from './place.ts';
export * from './selectors.ts';
export * from './snapshot.ts';
