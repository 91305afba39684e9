export { type Agent, startAgent } from './agent.ts';
export { systemClock } from './compose.ts';
export { type AgentOptions, readOptions, usage, variableOf } from './options.ts';
export { optionsSchema } from './options-schema.ts';
export { ownMetrics } from './reference.ts';
