export { type Agent, startAgent } from './agent.ts';
export { systemClock } from './compose.ts';
export { type AgentOptions, readOptions, usage, variableOf } from './config/options.ts';
export { optionsSchema } from './config/options-schema.ts';
export { ownMetrics } from './config/reference.ts';
