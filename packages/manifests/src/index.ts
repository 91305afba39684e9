export {
  type ManifestSource,
  manifestAt,
  manifestFile,
  manifestSources,
} from './manifest-files.ts';
export {
  isRecord,
  type Manifest,
  type Metadata,
  nameOf,
  NotAManifest,
  objectsIn,
  objectsOrFaults,
  type PlacedManifest,
} from './manifest-objects.ts';
export { claimIn, firstClaims, podOfTemplate, type PodsContext, podsOf } from './pods.ts';
export { withoutToken } from './service-account-token.ts';
