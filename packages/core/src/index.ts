export * from './assert.ts';
export type * from './brand.ts';
export * from './fault.ts';
export * from './ids.ts';
export type * from './kubernetes-objects.ts';
export * from './random.ts';
export * from './resources.ts';
export * from './time.ts';
export * from './verdict.ts';
