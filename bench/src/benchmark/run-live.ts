/**
 * Plays cells on real clusters, one after the other on the same test bed: the same nodes and distances
 * for all. KubeFed has a cluster of its own to run in, as mck8s gives it; Spillway's agents come last,
 * so that nobody else runs beside them.
 */
import { Fault, wellKnown } from '@spillway/core';
import { nodeNameOf, type Trial } from '@spillway/simulator';
import { startTestbed, type Testbed, type TestbedSpec } from '@spillway/testbed';
import { startFederation } from '../federation/federation.ts';
import { DeploymentsDriver } from '../live/deployments-driver.ts';
import { podRecords } from '../live/live-recording.ts';
import { watchProcesses, type Watched } from '../live/processes.ts';
import { collectHistories } from '../observation/histories.ts';
import { grouped } from '../results/grouped.ts';
import { measure } from '../results/measure.ts';
import type { Result, SystemName } from '../results/result.ts';
import { type Cell, trialOfCell } from './cells.ts';
import { startProgress } from './progress.ts';

/** In the order in which they are played. */
export const liveSystems: readonly SystemName[] = ['isolated', 'spillway'];

/** Each whole cluster takes half a gibibyte. */
const clustersMax = 10;

interface Driver {
  start(): Promise<void>;
  play(signal: AbortSignal): Promise<void>;
  clear(): Promise<void>;
}

interface Prepared {
  readonly driver: Driver;
  readonly watched: readonly Watched[];
  stop(): Promise<void>;
}

/** What is finished when `signal` fires is returned. */
export async function runLive(
  cells: readonly Cell[],
  signal: AbortSignal,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const progress = startProgress(cells.length, 'runs');
  try {
    const byTrial = grouped(cells, ({ load, seed }) => `${load}/${seed}`);
    for (const group of byTrial.values()) {
      const [first] = group;
      if (first === undefined || signal.aborted) break;
      const trial = trialOfCell(first);
      if (trial.clusters.length > clustersMax) {
        throw new Fault(
          'InvalidInput',
          `${trial.scenario} has ${trial.clusters.length} clusters; at most ${clustersMax} are started live`,
        );
      }
      progress.at('starting clusters');
      const testbed = await startTestbed(testbedOf(trial));
      try {
        for (const system of liveSystems) {
          if (signal.aborted || !group.some((cell) => cell.system === system)) continue;
          progress.at(`${system}, load ${trial.load}, seed ${trial.seed}`);
          const result = await played(testbed, trial, system, signal);
          if (result === undefined) break;
          results.push(result);
          progress.done();
        }
      } finally {
        await testbed.stop();
      }
    }
  } finally {
    progress.stop();
  }
  return results;
}

async function played(
  testbed: Testbed,
  trial: Trial,
  system: SystemName,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const prepared = await preparedFor(testbed, trial, system);
  const { driver, watched } = prepared;
  try {
    await driver.start();
    const histories = await collectHistories(testbed.clusters);
    const used = watchProcesses([...watched, ...apiServers(testbed)]);
    const startedMs = performance.now();
    try {
      await driver.play(signal);
      const recording = {
        pods: podRecords(trial, histories.histories, startedMs),
        endMs: trial.durationMs,
        processes: used(),
      };
      if (signal.aborted) return undefined;
      return measure({ system, mode: 'live', trial, recording });
    } finally {
      await histories.stop();
      await driver.clear();
    }
  } finally {
    await prepared.stop();
  }
}

async function preparedFor(testbed: Testbed, trial: Trial, system: SystemName): Promise<Prepared> {
  const nothing = async (): Promise<void> => {};
  if (system === 'isolated') {
    const driver = new DeploymentsDriver({ testbed, trial, schedulerName: undefined });
    return { driver, watched: [], stop: nothing };
  }
  if (system === 'spillway') {
    const federation = await startFederation(testbed);
    const { schedulerName } = wellKnown;
    return {
      driver: new DeploymentsDriver({ testbed, trial, schedulerName }),
      watched: federation.agents.map(({ cluster, pid }) => ({ name: `agent/${cluster}`, pid })),
      stop: async () => await federation.stop(),
    };
  }
  throw new Fault('InvalidInput', `${system} is not played live`);
}

function apiServers(testbed: Testbed): readonly Watched[] {
  return testbed.clusters.map((cluster) => ({
    name: `kube-apiserver/${cluster.name}`,
    pid: cluster.pid('kube-apiserver'),
  }));
}

function testbedOf({ clusters, rttMs }: Trial): TestbedSpec {
  return {
    clusters: clusters.map(({ name, nodes }) => ({
      name,
      city: undefined,
      nodes: nodes.map((node, i) => ({
        name: nodeNameOf(name, i),
        cpu: `${node.milliCpu}m`,
        memory: `${node.memoryMib}Mi`,
        pods: 110,
        gpus: 0,
        labels: {},
        taints: [],
        zone: undefined,
      })),
    })),
    rttMs: Object.fromEntries(
      clusters.map(({ name }, a) => [
        name,
        Object.fromEntries(clusters.map(({ name: other }, b) => [other, rttMs(a, b)])),
      ]),
    ),
  };
}
