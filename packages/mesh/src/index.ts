export type { LinkCheck } from './check.ts';
export { greetingFor } from './greeting.ts';
export * from './identity/certificate.ts';
export * from './identity/identity-file.ts';
export * from './identity/keys.ts';
export * from './identity/peer-ids.ts';
export * from './identity/revocations.ts';
export { handshakeProtocol } from './member-encrypter.ts';
export { type Mesh, type MeshOptions, startMesh } from './mesh.ts';
export type {
  AnsweredStream,
  OpenedStream,
  PodStreamBounds,
  PodStreamHandler,
} from './pod-streams.ts';
export { copied, finished, joined } from './joined.ts';
export { relayDefaults, type RelayOptions, type RelayState } from './relay/relay-options.ts';
export type { Refusal } from './refusals.ts';
