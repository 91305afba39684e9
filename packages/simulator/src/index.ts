export * from './faults/coverage.ts';
export * from './faults/play.ts';
export { type FaultKind, faultKinds } from './faults/fault-kinds.ts';
export type * from './recording.ts';
export * from './simulate.ts';
export * from './systems/objects.ts';
export type * from './trial.ts';
