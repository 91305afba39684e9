/** Members that come from the address of a flood while it goes on, and agents that are connected already. */
import { waitFor } from '@spillway/testbed';
import type { AgentProcess } from '../federation/agent-process.ts';
import type { Federation } from '../federation/federation.ts';
import { type Quantiles, quantilesOf } from '../observation/quantiles.ts';
import { getInMsMax, member, victimOf } from './attacked.ts';
import { Flood } from './flood.ts';

const connectionsPerSecond = 500;
/** Members that try to get in, one after the other, while they come. */
const latecomers = 5;
/** A handshake that does not end is ended by then. */
const hangerMsMax = 30_000;
/** Questions to the attacked agent, before the flood and in it. */
const questions = 50;

export interface FloodFigures {
  readonly perSecond: number;
  /** Of each member that came while it went on. */
  readonly gotInMs: readonly number[];
  /** Of the attacked agent, to questions about itself. */
  readonly answerMs: { readonly before: Quantiles | null; readonly during: Quantiles | null };
  /** All agents had all neighbours alive at the end of it. */
  readonly neighboursKept: boolean;
  /** Connections that the agent has not ended when no more come. */
  readonly leftOpen: number;
}

export async function underFlood(
  federation: Federation,
  say: (text: string) => void,
): Promise<FloodFigures> {
  const target = victimOf(federation);
  const before = await answersMs(target);
  const flood = new Flood(target.meshAddress, connectionsPerSecond);
  try {
    await waitFor(
      'the flood has come',
      () => flood.opened > 2 * connectionsPerSecond || undefined,
      {
        timeoutMs: getInMsMax,
      },
    );
    const gotInMs: number[] = [];
    for (let i = 0; i < latecomers; i++) gotInMs.push(await getsIn(federation, `late-${i}`));
    const during = await answersMs(target);
    const neighboursKept = await allAlive(federation);
    flood.stopOpening();
    await waitFor('they are closed', () => flood.open === 0 || undefined, {
      timeoutMs: hangerMsMax,
    }).catch(() => {});
    say(
      `  ${flood.opened} connections that lead nowhere: members got in after ${gotInMs.join(', ')} ms`,
    );
    return {
      perSecond: connectionsPerSecond,
      gotInMs,
      answerMs: { before, during },
      neighboursKept,
      leftOpen: flood.open,
    };
  } finally {
    flood.stop();
  }
}

async function getsIn(federation: Federation, name: string): Promise<number> {
  const rogue = await member(federation, name);
  try {
    return await rogue.getsIn(victimOf(federation).meshAddress, getInMsMax);
  } finally {
    await rogue.stop();
  }
}

async function answersMs(agent: AgentProcess): Promise<Quantiles | null> {
  const tookMs: number[] = [];
  for (let i = 0; i < questions; i++) {
    const begun = performance.now();
    await agent.get('/v1/status');
    tookMs.push(performance.now() - begun);
  }
  return quantilesOf(tookMs);
}

async function allAlive({ agents }: Federation): Promise<boolean> {
  const rows = await Promise.all(
    agents.map((agent) => agent.get<{ cluster: string; liveness: string }[]>('/v1/neighbours')),
  );
  // Members that came and went are known too.
  const clusters = new Set<string>(agents.map(({ cluster }) => cluster));
  return rows.every(
    (each) =>
      each.filter(({ cluster, liveness }) => clusters.has(cluster) && liveness === 'alive')
        .length ===
      agents.length - 1,
  );
}
