export type { LinkCheck } from './check.ts';
export { greetingFor } from './greeting.ts';
export * from './identity/certificate.ts';
export * from './identity/keys.ts';
export * from './identity/revocations.ts';
export { handshakeProtocol } from './member-encrypter.ts';
export { type Mesh, type MeshOptions, startMesh } from './mesh.ts';
export { relayDefaults, type RelayOptions, type RelayState } from './relay/relay-options.ts';
export type { Refusal } from './refusals.ts';
