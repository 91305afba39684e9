export * from './identity/certificate.ts';
export * from './identity/keys.ts';
export { type Mesh, type MeshOptions, startMesh } from './mesh.ts';
export type { Refusal } from './refusals.ts';
