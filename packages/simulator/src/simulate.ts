/** Plays a trial under one system in virtual time. The same trial gives the same recording, byte for byte. */
import type { GossipRecord, Recording } from './recording.ts';
import { startIsolated } from './systems/isolated.ts';
import { startKubefedRsp, startKubefedStatic } from './systems/kubefed.ts';
import { startMck8s } from './systems/mck8s.ts';
import { startOracle } from './systems/oracle.ts';
import { startSpillway } from './systems/spillway.ts';
import type { StartSystem } from './systems/system.ts';
import type { Trial } from './trial.ts';
import { World } from './world.ts';

const systems = {
  spillway: { start: startSpillway },
  isolated: { start: startIsolated },
  'kubefed-static': { start: startKubefedStatic },
  'kubefed-rsp': { start: startKubefedRsp({ rebalance: false, version: '0.10' }) },
  'kubefed-rsp-rebalance': { start: startKubefedRsp({ rebalance: true, version: '0.10' }) },
  'kubefed-rsp-even': { start: startKubefedRsp({ rebalance: false, version: '0.10', even: true }) },
  'kubefed-0.4.0-rsp': { start: startKubefedRsp({ rebalance: false, version: '0.4.0' }) },
  mck8s: { start: startMck8s('locations') },
  'mck8s-worst-fit': { start: startMck8s('worst_fit') },
  'mck8s-best-fit': { start: startMck8s('best_fit') },
  'mck8s-most-traffic': { start: startMck8s('most_traffic') },
  oracle: { start: startOracle, united: true },
} satisfies Record<string, { readonly start: StartSystem; readonly united?: boolean }>;

export type SimulatedSystemName = keyof typeof systems;
export const simulatedSystems = Object.keys(systems) as readonly SimulatedSystemName[];

export interface SimulateOptions {
  /** Another course of what the trial leaves to chance. */
  readonly luck?: number;
  /** Whether agents are handed adverts or fetch them; see GossipMesh. */
  readonly adverts?: 'handed' | 'fetched';
  /** One line per event. */
  readonly trace?: (event: object) => void;
}

/** Adverts have got about and caches are whole by then. */
const settleMs = 10_000;

export function simulate(
  trial: Trial,
  name: SimulatedSystemName,
  { luck = 0, adverts, trace }: SimulateOptions = {},
): Recording {
  const system: { readonly start: StartSystem; readonly united?: boolean } = systems[name];
  const world = new World({
    trial,
    startMs: settleMs,
    luck,
    adverts,
    united: system.united ?? false,
    ...(trace && { trace }),
  });
  const running = system.start(world);
  for (const app of trial.apps) {
    for (const { atMs, replicas } of app.steps) {
      world.time.after(settleMs + atMs, () => running.scale(app, replicas));
    }
  }
  const runTo = (part: number): void => {
    world.time.run(settleMs + trial.durationMs * part, () => {});
  };
  runTo(0.5);
  const half = running.gossip?.();
  runTo(1);
  const whole = running.gossip?.();
  const gossip = half && whole && secondHalf(half, whole);
  return {
    pods: world.recorder.pods,
    endMs: trial.durationMs,
    ...(gossip && { gossip }),
  };
}

/** What is counted is counted when the start is over: then it is what goes on and on. */
function secondHalf(half: GossipRecord, whole: GossipRecord): GossipRecord {
  return {
    ...whole,
    overMs: whole.overMs - half.overMs,
    adverts: whole.adverts - half.adverts,
    heardBytesPerAgent: whole.heardBytesPerAgent - half.heardBytesPerAgent,
    negotiationMessages: whole.negotiationMessages - half.negotiationMessages,
  };
}
