/**
 * An agent's namespace, service account and rights, exactly as they ship. These are the manifests rendered
 * from the chart, without its pods and what belongs to the pods. They are read by path, since adapters'
 * tests need them. Neither they nor a test bed may import an app.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Pod } from '@spillway/core';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';

const manifests = new URL('../../packages/chart/manifests/spillway.yaml', import.meta.url);

const kinds = new Set([
  'Namespace',
  'ServiceAccount',
  'PriorityClass',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
]);

/** ConfigMaps that the agent reads and may not make. */
const configMaps = new Set(['spillway-revocations', 'spillway-leaving']);

export interface AgentObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly AgentRule[];
}

interface AgentRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** The namespace first. */
export function agentObjects(): readonly AgentObject[] {
  return parseAllDocuments(readFileSync(fileURLToPath(manifests), 'utf8'))
    .map((document) => document.toJS() as AgentObject)
    .filter(({ kind, metadata }) => kinds.has(kind) || configMaps.has(metadata.name))
    .toSorted((a, b) => Number(b.kind === 'Namespace') - Number(a.kind === 'Namespace'));
}

/** @returns the kubeconfig of the agent's service account. */
export async function installAgentRights(cluster: Cluster): Promise<string> {
  for (const object of agentObjects()) await cluster.apply(JSON.stringify(object));
  return await cluster.serviceAccountKubeconfig('spillway-system', 'spillway-agent');
}

const processGate = 'testbed.spillway.dev/process';

/** Made by `makeAgentPod`: no workload, and forever pending. */
export function isAgentProcess({ spec }: Pod): boolean {
  return spec.schedulingGates?.some(({ name }) => name === processGate) ?? false;
}

/**
 * The object of a pod that an agent says it is, where agents are processes; no kubelet runs it.
 *
 * @returns what tells the agent so, as in its DaemonSet.
 */
export async function makeAgentPod(
  cluster: Cluster,
  name: string,
): Promise<{ readonly POD_NAME: string; readonly POD_NAMESPACE: string }> {
  await cluster.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'spillway-system' },
      spec: {
        // Never to be scheduled, and no scheduler's to decide.
        schedulingGates: [{ name: processGate }],
        // What Pod Security `restricted` asks for.
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'agent',
            image: 'agent',
            securityContext: {
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
      },
    }),
  );
  return { POD_NAME: name, POD_NAMESPACE: 'spillway-system' };
}
