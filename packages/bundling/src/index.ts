export { type AgentBundle, agentFlags, bundleAgent } from './agent-bundle.ts';
export { type BundledPackage, thirdPartyNotices } from './bundled-packages.ts';
export { type Program, type ProgramBundle, bundleProgram } from './program-bundle.ts';
