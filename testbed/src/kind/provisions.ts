/** What a kind test bed needs besides Docker: found or made before any node is. */
import { ensureProgram } from '../binaries.ts';
import { ensureNodeImage } from '../kind-node/node-image.ts';
import { type NodeSettings, nodeSettings } from '../kind-node/node-settings.ts';

export interface Provisions {
  readonly programs: { readonly kind: string; readonly kubectl: string; readonly kwok: string };
  readonly nodeImage: string;
  readonly nodeSettings: NodeSettings;
}

/** Needs Docker to run. @throws Fault that says what is missing, and what to do */
export async function ensureProvisions(): Promise<Provisions> {
  return {
    programs: {
      kind: await ensureProgram('kind'),
      kubectl: await ensureProgram('kubectl'),
      kwok: await ensureProgram('kwok'),
    },
    nodeImage: process.env['SPILLWAY_NODE_IMAGE'] || (await ensureNodeImage()),
    nodeSettings: nodeSettings(),
  };
}
