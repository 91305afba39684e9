/** The agent that strangers and bad members turn to, what it counts, and members made for a drill. */
import { clusterName } from '@spillway/core';
import { issueCertificate, newKey, peerIdOf } from '@spillway/mesh';
import { waitFor } from '@spillway/testbed';
import type { AgentProcess } from '../federation/agent-process.ts';
import type { Federation } from '../federation/federation.ts';
import { Rogue } from './rogue.ts';

export const dayMs = 24 * 60 * 60 * 1000;
/** As docs/security.md promises for a flood such as the drill's. */
export const getInMsMax = 60_000;

export interface Finding {
  readonly stranger: string;
  /** And for the reason that it should be, where it gets far enough to be told one. */
  readonly refused: boolean;
  /** What the attacked agent counted it as. */
  readonly counted: Readonly<Record<string, number>>;
}

export function victimOf({ agents }: Federation): AgentProcess {
  const [first] = agents;
  if (first === undefined) throw new Error('no agents');
  return first;
}

export async function refusalsOf(agent: AgentProcess): Promise<Readonly<Record<string, number>>> {
  return (await agent.get<{ refused: Record<string, number> }>('/v1/status')).refused;
}

export function difference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const entries = Object.entries(after).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  );
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

/** Rightly admitted, not connected yet. */
export async function member({ root }: Federation, name: string): Promise<Rogue> {
  const key = await newKey();
  const certificate = await issueCertificate(root, {
    cluster: clusterName(name),
    peer: peerIdOf(key.publicKey),
    attributes: {},
    notBeforeMs: Date.now() - 60_000,
    expiresMs: Date.now() + dayMs,
  });
  return await Rogue.start({ key, certificate, root: root.publicKey });
}

/** Does something as a member that is connected to the first agent and heard by it. */
export async function asMember<T>(
  federation: Federation,
  name: string,
  act: (rogue: Rogue) => Promise<T>,
): Promise<T> {
  const rogue = await member(federation, name);
  try {
    await rogue.getsIn(victimOf(federation).meshAddress, getInMsMax);
    await waitFor(`${name} is heard`, () => rogue.subscribers > 0 || undefined, {
      timeoutMs: 10_000,
    });
    return await act(rogue);
  } finally {
    await rogue.stop();
  }
}
