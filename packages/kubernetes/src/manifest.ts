import { fileURLToPath } from 'node:url';

/** The namespace, service account and rights that an agent needs, as YAML. */
export const manifestFile = fileURLToPath(new URL('../manifests/agent.yaml', import.meta.url));
