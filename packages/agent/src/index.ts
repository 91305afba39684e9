export { type AgentBundle, bundleAgent } from './bundle.ts';
export { type Agent, startAgent, systemClock } from './compose.ts';
export { type AgentOptions, readOptions, usage } from './options.ts';
