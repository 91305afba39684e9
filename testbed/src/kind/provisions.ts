/** What a kind test bed needs of this machine: found, built or started before anything else is. */
import { ensureProgram, pinnedVersion } from '../binaries.ts';
import { type DockerAccess, ensureDocker } from '../docker/ensure-docker.ts';

export interface Provisions {
  readonly access: DockerAccess;
  readonly programs: { readonly kind: string; readonly kubectl: string; readonly kwok: string };
  readonly nodeImage: string;
}

/** @throws Fault that says what is missing, and what to do */
export async function ensureProvisions(): Promise<Provisions> {
  const access = await ensureDocker();
  return {
    access,
    programs: {
      kind: await ensureProgram('kind'),
      kubectl: await ensureProgram('kubectl'),
      kwok: await ensureProgram('kwok'),
    },
    nodeImage:
      process.env['SPILLWAY_NODE_IMAGE'] || `kindest/node:${pinnedVersion('control-plane')}`,
  };
}
