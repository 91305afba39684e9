/** In a worker: the scenario `growth` with a given number of clusters. */
import { simulate } from '@spillway/simulator';
import { measure } from '../results/measure.ts';
import type { Growth } from '../results/result.ts';
import { loadScenario } from '../scenarios/load.ts';
import { trialOf } from '../scenarios/trial-of.ts';
import { directoryBytes } from './directory-memory.ts';

/** Beyond this number of clusters, only this much time is played. */
const manyClusters = 2_000;
const shortMs = 20_000;

export default function grow(clusters: number): Growth {
  // Before the simulation, whose garbage would be counted against it.
  const directoryBytesPerAgent = directoryBytes(clusters - 1);
  const scenario = loadScenario('growth');
  const started = performance.now();
  const trial = trialOf(scenario, {
    load: scenario.load,
    seed: 1,
    clusters,
    ...(clusters > manyClusters && { durationMs: shortMs }),
  });
  const recording = simulate(trial, 'spillway');
  const runSeconds = (performance.now() - started) / 1_000;
  const processRssMib = process.memoryUsage().rss / 2 ** 20;
  const { pendingPodRatio, offloadRttMs, agents } = measure({
    system: 'spillway',
    mode: 'simulated',
    trial,
    recording,
  });
  // In a short run nobody's turn may come again.
  const silent = recording.gossip?.adverts === 0;
  return {
    clusters,
    pendingPodRatio,
    offloadRttMs,
    bytesPerSecondPerAgent: silent ? null : (agents?.bytesPerSecond ?? 0),
    known99Ms: silent ? null : (agents?.known99Ms ?? 0),
    spread99Ms: agents?.spread99Ms ?? 0,
    directoryBytesPerAgent,
    processRssMib,
    runSeconds,
  };
}
