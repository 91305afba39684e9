/** The image's configuration, as OCI has it: what runs, as whom, and what it says of itself. */
import { agentFlags } from '@spillway/bundling';
import type { Layer } from './layer.ts';
import type { Architecture } from './platform.ts';

/** Nobody of the host: the number that distroless images use. */
export const nonRoot = 65_532;

export const sourceUrl = 'https://github.com/spillway-dev/spillway';

const configMediaType = 'application/vnd.oci.image.config.v1+json';
const manifestMediaType = 'application/vnd.oci.image.manifest.v1+json';
export const mediaTypes = { config: configMediaType, manifest: manifestMediaType } as const;

/** The agent's entrypoint, and the command line's program: `node …cliCommand` in the container. */
export const agentCommand = ['/nodejs/bin/node', ...agentFlags, '/app/agent.mjs'] as const;
export const cliCommand = ['/nodejs/bin/node', '/app/spillway.mjs'] as const;
export const compileCacheFolder = '/app/compile-cache';

export interface ImageConfigOptions {
  readonly architecture: Architecture;
  readonly version: string;
  /** The commit, where it is known. */
  readonly revision: string | undefined;
  readonly time: Date;
  readonly layers: readonly Layer[];
}

export function labelsOf({
  version,
  revision,
  time,
}: Omit<ImageConfigOptions, 'layers' | 'architecture'>) {
  return {
    'org.opencontainers.image.created': created(time),
    'org.opencontainers.image.title': 'spillway',
    'org.opencontainers.image.description':
      'Clusters at the edge lend each other room: the agent, and the command line',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.source': sourceUrl,
    'org.opencontainers.image.url': sourceUrl,
    'org.opencontainers.image.documentation': `${sourceUrl}/tree/main/docs`,
    'org.opencontainers.image.version': version,
    ...(revision === undefined ? {} : { 'org.opencontainers.image.revision': revision }),
  };
}

export function imageConfig(options: ImageConfigOptions) {
  const { architecture, time, layers } = options;
  return {
    created: created(time),
    architecture,
    os: 'linux',
    config: {
      User: `${nonRoot}:${nonRoot}`,
      ExposedPorts: { '7420/tcp': {}, '7421/tcp': {} },
      Env: [
        'PATH=/nodejs/bin',
        `NODE_COMPILE_CACHE=${compileCacheFolder}`,
        // Entries are found by their place beside the programs, not by the folder they were made in.
        'NODE_COMPILE_CACHE_PORTABLE=1',
        'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
      ],
      Entrypoint: [...agentCommand],
      WorkingDir: '/',
      StopSignal: 'SIGTERM',
      Labels: labelsOf(options),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ name }) => ({
      created: created(time),
      created_by: `@spillway/image: ${name}`,
    })),
  };
}

function created(time: Date): string {
  return time.toISOString().replace('.000Z', 'Z');
}
