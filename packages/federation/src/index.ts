export type * from './advert.ts';
export type * from './coordinates.ts';
export * from './negotiation.ts';
