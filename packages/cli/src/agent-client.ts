/** Questions to a running agent, over its HTTP address. */
import { Fault } from '@spillway/core';

export const agentDefault = 'http://127.0.0.1:7421';
const timeoutMs = 5_000;

/** @throws Fault `Unavailable` when no agent answers there, `NotFound` when it knows no such thing. */
export async function askAgent<T>(agent: string, path: string): Promise<T> {
  let response: Response;
  try {
    response = await fetch(new URL(path, agent), { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    throw new Fault(
      'Unavailable',
      `no agent answers at ${agent}: name another with --agent URL or SPILLWAY_AGENT; in a cluster, first "kubectl -n spillway-system port-forward ds/spillway-agent 7421"`,
      { cause: error },
    );
  }
  if (response.ok) return (await response.json()) as T;
  const { error = response.statusText } = (await response.json().catch(() => ({}))) as {
    error?: string;
  };
  throw new Fault(response.status === 404 ? 'NotFound' : 'Unavailable', error);
}
