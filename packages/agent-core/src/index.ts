export * from './agent.ts';
export type { AgentOptions } from './agent-options.ts';
export type { Publication } from './advertiser.ts';
export * from './events.ts';
export { GuestFeed } from './guest-feeds.ts';
export {
  type Coordinates,
  Neighbours,
  nodeRemovedMs,
  type RevokedNeighbour,
} from './neighbours.ts';
export * from './work.ts';
