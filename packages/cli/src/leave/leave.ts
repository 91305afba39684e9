/**
 * The order matters:
 *
 * 1. The agent accepts nothing more.
 * 2. Offloaded pods and guests end, each with its own grace.
 * 3. What is left after the timeout is deleted without grace.
 * 4. Virtual nodes go last. Kubernetes deletes the pods of a node that is gone, even if their guests run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, isFault, wellKnown } from '@spillway/core';
import {
  type ApiClient,
  deleteGuestNamespace,
  deleteNeighbour,
  deleteVirtualNode,
  finalizePod,
  type Footprint,
  footprintOf,
  leavingPath,
  travelling,
} from '@spillway/kubernetes';
import type { LeaveOptions } from '../commands/leave.ts';
import { userCluster } from '../connection/cluster.ts';
import { confirmed } from '../output/confirm.ts';
import { print } from '../output/format.ts';
import { AgentPulse } from './agent-pulse.ts';
import { isFenced, listing, podNames, progress } from './listing.ts';

const lookMs = 1_000;

/** @throws Fault that says what is left and why. */
export async function leave(options: LeaveOptions): Promise<void> {
  const timeoutMs = parseTimeout(options.timeout);
  const { api, context } = await userCluster(options);
  try {
    const before = await footprintOf(api);
    print(listing(before));
    if (options.dryRun) return;
    if (!options.yes) {
      const how = options.withoutAgent ? ' Pods away are deleted without grace.' : '';
      await confirmed(`Take the cluster of context ${context} out of its federation?${how}`);
    }
    if (options.withoutAgent) await checkNoAgent(api, options.agentNamespace);
    else await endByAgent(api, before, { namespace: options.agentNamespace, timeoutMs });
    await clear(api, options);
  } finally {
    api.close();
  }
}

/** In ms. @throws Fault `InvalidInput` */
export function parseTimeout(text: string): number {
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= 5 && seconds <= 3600) return seconds * 1000;
  throw new Fault('InvalidInput', `--timeout ${JSON.stringify(text)}: expected 5 to 3600 seconds`);
}

/** @throws Fault `Conflict`: an agent would undo what is cleaned, and could have done it better. */
async function checkNoAgent(api: ApiClient, namespace: string): Promise<void> {
  const pulse = new AgentPulse(api, namespace);
  print('checking whether an agent is active …');
  for (;;) {
    const found = await pulse.look(performance.now());
    if (found === 'dead') return;
    if (found === 'alive')
      throw new Fault(
        'Conflict',
        'an agent is active in this cluster: run the command without --without-agent',
      );
    await sleep(lookMs);
  }
}

/** Until nothing travels any more, the time is up, or no agent is there to do it. */
async function endByAgent(
  api: ApiClient,
  before: Footprint,
  { namespace, timeoutMs }: { readonly namespace: string; readonly timeoutMs: number },
): Promise<void> {
  await giveNotice(api, namespace);
  const pulse = new AgentPulse(api, namespace);
  const endMs = performance.now() + timeoutMs;
  let said = '';
  for (;;) {
    const left = await travelling(api, before);
    const text = progress(left);
    if (text !== said) print(text);
    said = text;
    if (left.away.length + left.guests.length === 0) return;
    const now = performance.now();
    if (now >= endMs) return print(`the timeout of ${timeoutMs / 1000} s has passed`);
    if ((await pulse.look(now)) === 'dead')
      return print('no agent is active: continuing without one');
    await sleep(Math.min(lookMs, endMs - now));
  }
}

/** It stays until the release is uninstalled. */
async function giveNotice(api: ApiClient, namespace: string): Promise<void> {
  try {
    await api.call({
      method: 'PATCH',
      path: leavingPath(namespace),
      contentType: 'application/merge-patch+json',
      body: { data: { [wellKnown.leavingKey]: 'true' } },
    });
  } catch (error) {
    if (!isFault(error, 'NotFound')) throw error;
    throw new Fault(
      'NotFound',
      `namespace ${namespace} has no ConfigMap ${wellKnown.leavingConfigMap}: Spillway is not installed there. If it was, use --without-agent.`,
      { cause: error },
    );
  }
}

/** Removes what is left. @throws Fault `Conflict` naming fenced pods that it must leave alone. */
async function clear(api: ApiClient, { guests, fenced }: LeaveOptions): Promise<void> {
  const { away, virtualNodes, neighbours, guestNamespaces } = await footprintOf(api);
  const held = fenced ? [] : away.filter(isFenced);
  for (const pod of away) if (!held.includes(pod)) await finalizePod(api, pod);
  const holding = new Set(held.map(({ spec }) => spec.nodeName));
  const free = virtualNodes.filter(({ metadata }) => !holding.has(metadata.name));
  for (const node of free) await deleteVirtualNode(api, node);
  for (const neighbour of neighbours) await deleteNeighbour(api, neighbour);
  const emptied = guests ? guestNamespaces : [];
  for (const namespace of emptied) await deleteGuestNamespace(api, namespace);
  print(
    `removed: ${away.length - held.length} pods away, ${free.length} virtual nodes, ${neighbours.length} Neighbours, ${emptied.length} guest namespaces`,
  );
  if (held.length === 0) return;
  throw new Fault(
    'Conflict',
    `${podNames(held)}: partition policy fence, and the host has not confirmed that the guest has ended. Try again when the host answers. If you know that no guest runs there, use --fenced.`,
  );
}
