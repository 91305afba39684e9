export type * from './recording.ts';
export type * from './trial.ts';
