export { type Agent, startAgent, systemClock } from './compose.ts';
export { type AgentOptions, readOptions, usage } from './options.ts';
export { optionsSchema } from './options-schema.ts';
