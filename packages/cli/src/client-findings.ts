/** What the doctor finds from where the user stands: by the API server, and by comparing with the agent. */
import { type Finding, statusResponse } from '@spillway/agent/api-schemas';
import { isFault, type Node, version, wellKnown } from '@spillway/core';
import type { AgentClient } from './connection/agent-client.ts';
import { type UserCluster, userCluster } from './connection/cluster.ts';
import { type AgentSituation, agentSituation, isReady } from './connection/agent-situation.ts';
import { type DaemonSet, daemonSetFindings } from './daemon-set-findings.ts';
import { kubeletFindings } from './kubelet-findings.ts';
import { agentObjects, leaseName, read } from './connection/find-agent.ts';
import { agentUrl, type ConnectionOptions } from './connection/options.ts';

interface Lease {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

const clockOffMs = { info: 5_000, warning: 60_000 };

/** The Lease and the agents' pods, as far as the user may see them. */
export async function clusterFindings(options: ConnectionOptions): Promise<readonly Finding[]> {
  let cluster: UserCluster;
  try {
    cluster = await userCluster(options);
  } catch (error) {
    if (agentUrl(options) === '') throw error;
    const message = `Lease and pods were not checked: ${(error as Error).message}`;
    return [{ check: 'lease', severity: 'info', subject: 'kubeconfig', message }];
  }
  const { agentNamespace: namespace } = options;
  const found = await Promise.all([
    seen('lease', async () => await leaseFinding(cluster, namespace)),
    seen('agent', async () => await podFindings(cluster, namespace)),
    seen('daemonsets', async () => await daemonSets(cluster)),
    seen('kubelet', async () => await kubeletFindings(cluster, await virtualNodes(cluster))),
  ]);
  cluster.api.close();
  return found.flat();
}

async function daemonSets(cluster: UserCluster): Promise<readonly Finding[]> {
  const [nodes, sets] = await Promise.all([
    read<{ items: readonly Node[] }>(
      cluster,
      `/api/v1/nodes?labelSelector=${wellKnown.virtualNodeLabel}%3Dtrue`,
    ),
    read<{ items: readonly DaemonSet[] }>(cluster, '/apis/apps/v1/daemonsets'),
  ]);
  return daemonSetFindings(sets.items, nodes.items);
}

async function virtualNodes(cluster: UserCluster): Promise<readonly string[]> {
  const path = `/api/v1/nodes?labelSelector=${wellKnown.virtualNodeLabel}%3Dtrue`;
  const { items } = await read<{ items: readonly Node[] }>(cluster, path);
  return items.flatMap(({ metadata }) => metadata.name ?? []);
}

/** Version and clock of the agent against this program's. */
export async function clientFindings(agent: AgentClient): Promise<readonly Finding[]> {
  const status = await agent.ask(statusResponse, { path: '/v1/status' });
  const same = status.version === version;
  const findings: Finding[] = [
    {
      check: 'versions',
      severity: same ? 'ok' : 'warning',
      subject: 'spillway',
      message: same ? version : `this program has version ${version}, the agent ${status.version}`,
      ...(!same && { remedy: 'use the program of the agent’s version' }),
    },
  ];
  const aheadMs = agent.clockAheadMs;
  if (aheadMs !== undefined) {
    const offMs = Math.abs(aheadMs);
    findings.push({
      check: 'clock',
      severity: offMs < clockOffMs.info ? 'ok' : offMs < clockOffMs.warning ? 'info' : 'warning',
      subject: 'this machine',
      message:
        offMs < 1000
          ? "the agent's clock agrees with this machine's, within one second"
          : `the agent's clock is ${(offMs / 1000).toFixed(0)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's`,
      ...(offMs >= clockOffMs.info && { remedy: 'use NTP on both' }),
    });
  }
  return findings;
}

export function unreachable(error: unknown): Finding {
  if (!isFault(error)) throw error;
  return { check: 'agent', severity: 'error', subject: 'agent', message: error.message };
}

async function leaseFinding(cluster: UserCluster, namespace: string): Promise<readonly Finding[]> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName}`;
  const { spec = {} } = await read<Lease>(cluster, path);
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 15 } = spec;
  const finding = { check: 'lease' as const, subject: `${namespace}/${leaseName}` };
  if (holderIdentity === '') {
    const remedy = `kubectl -n ${namespace} get pods, and their logs`;
    return [
      {
        ...finding,
        severity: 'error',
        message: 'no agent holds it, so no agent is active',
        remedy,
      },
    ];
  }
  // By this machine's clock, which the check of clocks compares with the agent's.
  const ageS = (Date.now() - Date.parse(renewTime)) / 1000;
  const held = `${holderIdentity.replace(/_[^_]*$/, '')} holds it, renewed ${ageS.toFixed(0)} s ago`;
  if (ageS <= leaseDurationSeconds) return [{ ...finding, severity: 'ok', message: held }];
  const remedy =
    'check that this agent runs and reaches the API server. Another agent takes over, if there is one';
  return [{ ...finding, severity: 'error', message: `${held}: it has expired`, remedy }];
}

const severities: Readonly<Record<AgentSituation['state'], Finding['severity']>> = {
  active: 'ok',
  process: 'ok',
  notReady: 'warning',
  notInstalled: 'error',
  noneDesired: 'error',
  notCreated: 'error',
  pending: 'error',
  cannotStart: 'error',
  crashing: 'error',
  standbyOnly: 'error',
  processSilent: 'error',
};

/** The state of the agents as a whole, and pods beside the active one that are not ready. */
async function podFindings(cluster: UserCluster, namespace: string): Promise<readonly Finding[]> {
  const objects = await agentObjects(cluster, namespace);
  const { state, message, remedy } = agentSituation(objects, Date.now());
  const severity = severities[state];
  const finding = { check: 'agent' as const, subject: `pods in ${namespace}` };
  const found: Finding = { ...finding, severity, message, ...(severity !== 'ok' && { remedy }) };
  const waiting = objects.pods.filter((pod) => !isReady(pod)).map((pod) => pod.metadata.name ?? '');
  if (state !== 'active' || waiting.length === 0) return [found];
  return [
    found,
    {
      ...finding,
      severity: 'warning',
      message: `${waiting.length} of ${objects.pods.length} are not ready: ${waiting.join(', ')}`,
      remedy: `kubectl -n ${namespace} describe pod ${waiting[0] ?? ''}`,
    },
  ];
}

/** A right that the user lacks hides one check, and is a finding itself. */
async function seen(
  check: Finding['check'],
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!isFault(error)) throw error;
    const severity = error.code === 'PermissionDenied' ? 'info' : 'error';
    const what =
      error.code === 'NotFound'
        ? 'there is no Lease: no agent has ever been active'
        : error.message;
    return [{ check, severity, subject: 'API server', message: what }];
  }
}
