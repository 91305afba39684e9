export { agentCommands } from './commands/agent.ts';
export { federationCommand } from './commands/federation.ts';
