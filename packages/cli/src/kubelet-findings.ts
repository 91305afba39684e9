/** Whether the API server reaches the agent as the kubelet of a virtual node: kubectl logs needs it. */
import { text } from 'node:stream/consumers';
import type { Finding } from '@spillway/agent/api-schemas';
import { isFault } from '@spillway/core';
import type { UserCluster } from './connection/cluster.ts';

export interface Reached {
  readonly status: number;
  readonly text: string;
}

const answerMsMax = 10_000;

/** One node stands for all: they lead to the same agent. */
export async function kubeletFindings(
  { api }: UserCluster,
  nodes: readonly string[],
): Promise<readonly Finding[]> {
  const [node] = nodes;
  if (node === undefined) return [];
  const signal = AbortSignal.timeout(answerMsMax);
  try {
    const path = `/api/v1/nodes/${node}/proxy/healthz`;
    const { response } = await api.stream({ method: 'GET', path, headers: {}, signal });
    const reached = { status: response.statusCode ?? 0, text: await text(response) };
    return [kubeletFinding(node, reached)];
  } catch (error) {
    if (!isFault(error)) throw error;
    return [kubeletFinding(node, { status: 504, text: `no answer in ${answerMsMax / 1_000} s` })];
  }
}

export function kubeletFinding(node: string, reached: Reached): Finding {
  const finding = { check: 'kubelet', subject: node } as const;
  if (reached.status === 200) {
    const message = 'the API server reaches the agent: kubectl logs and exec work for pods there';
    return { ...finding, severity: 'ok', message };
  }
  const words = messageIn(reached.text);
  // Of the API server itself. The agent refuses the API server in other words.
  if (reached.status === 403 && words.includes('cannot get resource "nodes/')) {
    const message = `it was not checked whether the API server reaches the agent: ${words}`;
    return { ...finding, severity: 'info', message };
  }
  const refuses = reached.status === 401 || words.startsWith('Forbidden (user=');
  return {
    ...finding,
    severity: 'warning',
    message: `kubectl logs and exec fail for pods there. The API server was answered ${reached.status}: ${words}`,
    remedy: refuses
      ? 'give the API server a client certificate for kubelets (--kubelet-client-certificate), and its user the ClusterRole system:kubelet-api-admin'
      : 'see "kubectl logs and exec" in docs/install.md: the API server must reach port 10250 of the agent’s pod, by the address that the node’s status has',
  };
}

function messageIn(body: string): string {
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown };
    return typeof message === 'string' ? message : body.trim();
  } catch {
    return body.trim();
  }
}
