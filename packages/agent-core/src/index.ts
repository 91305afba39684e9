export * from './agent.ts';
export type { Publication } from './advertiser.ts';
export * from './events.ts';
export { GuestFeed } from './guest-feeds.ts';
export * from './work.ts';
