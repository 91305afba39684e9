export { type AgentBundle, agentFlags, bundleAgent } from './agent-bundle.ts';
export { type BundledPackage } from './bundled-packages.ts';
export { type Program, type ProgramBundle, bundleProgram } from './program-bundle.ts';
