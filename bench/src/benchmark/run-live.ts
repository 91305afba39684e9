/**
 * Plays cells on real clusters, one after the other on the same test bed: the same nodes and distances
 * for all. KubeFed has a cluster of its own to run in, as mck8s gives it; Spillway's agents come last,
 * so that nobody else runs beside them.
 */
import { Fault, wellKnown } from '@spillway/core';
import { nodeNameOf, type Trial } from '@spillway/simulator';
import {
  type KubeFed,
  type KubernetesMinor,
  startKubeFed,
  startTestbed,
  type LocalTestbed,
  type LocalTestbedSpec,
} from '@spillway/testbed';
import { startFederation } from '../federation/federation.ts';
import { DeploymentsDriver } from '../live/deployments-driver.ts';
import { KubeFedDriver } from '../live/kubefed-driver.ts';
import type { KubeFedVariant } from '../live/kubefed-objects.ts';
import { podRecords } from '../live/live-recording.ts';
import { watchProcesses, type Watched } from '../live/processes.ts';
import { collectHistories } from '../observation/histories.ts';
import { grouped } from '../results/grouped.ts';
import { measure } from '../results/measure.ts';
import type { Result, SystemName } from '../results/result.ts';
import { type Cell, trialOfCell } from './cells.ts';
import { startProgress } from './progress.ts';

/** In the order in which they are played. */
export const liveSystems: readonly SystemName[] = [
  'isolated',
  'kubefed-static',
  'kubefed-rsp',
  'kubefed-rsp-rebalance',
  'spillway',
];

/** Each whole cluster takes half a gibibyte. */
const clustersMax = 10;

/** KubeFed's own cluster, without nodes, as mck8s gives it one. */
const kubefedHost = 'kubefed-host';

interface Live {
  readonly testbed: LocalTestbed;
  kubefed: KubeFed | undefined;
}

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
  kubernetes: KubernetesMinor,
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
      const federates = group.some(({ system }) => isKubeFed(system));
      const testbed = await startTestbed({ kubernetes, ...testbedOf(trial, federates) });
      const live: Live = { testbed, kubefed: undefined };
      try {
        for (const system of liveSystems) {
          if (signal.aborted || !group.some((cell) => cell.system === system)) continue;
          progress.at(`${system}, load ${trial.load}, seed ${trial.seed}`);
          const result = await played(live, trial, system, signal);
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
  live: Live,
  trial: Trial,
  system: SystemName,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const prepared = await preparedFor(live, trial, system);
  const { driver, watched } = prepared;
  try {
    await driver.start();
    const { clusters } = live.testbed;
    const histories = await collectHistories(clusters.filter(({ name }) => name !== kubefedHost));
    const used = watchProcesses([...watched, ...apiServers(live.testbed)]);
    const startedMs = performance.now();
    try {
      await driver.play(signal);
      const recording = {
        pods: podRecords(trial, histories.histories, startedMs),
        endMs: trial.durationMs,
        processes: used(),
      };
      return measure({ system, mode: 'live', trial, recording });
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      await histories.stop();
      // The whole test bed goes when it was stopped.
      if (!signal.aborted) await driver.clear();
    }
  } finally {
    await prepared.stop();
  }
}

async function preparedFor(live: Live, trial: Trial, system: SystemName): Promise<Prepared> {
  const { testbed } = live;
  const nothing = async (): Promise<void> => {};
  if (isKubeFed(system)) {
    const kubefed = (live.kubefed ??= await startKubeFed(testbed, kubefedHost));
    const driver = new KubeFedDriver({ kubefed, trial, variant: system });
    return { driver, watched: [{ name: 'kubefed', pid: kubefed.pid }], stop: nothing };
  }
  // Nobody else decides beside those that come after it.
  await live.kubefed?.stop();
  live.kubefed = undefined;
  if (system === 'isolated') {
    const driver = new DeploymentsDriver({ testbed, trial, schedulerName: undefined });
    return { driver, watched: [], stop: nothing };
  }
  if (system === 'spillway') {
    const members = {
      ...testbed,
      clusters: testbed.clusters.filter(({ name }) => name !== kubefedHost),
    };
    const federation = await startFederation(members);
    const { schedulerName } = wellKnown;
    return {
      driver: new DeploymentsDriver({ testbed, trial, schedulerName }),
      watched: federation.agents.map(({ cluster, pid }) => ({ name: `agent/${cluster}`, pid })),
      stop: async () => await federation.stop(),
    };
  }
  throw new Fault('InvalidInput', `${system} is not played live`);
}

function isKubeFed(system: SystemName): system is KubeFedVariant {
  return system.startsWith('kubefed-');
}

function apiServers(testbed: LocalTestbed): readonly Watched[] {
  return testbed.clusters.map((cluster) => ({
    name: `kube-apiserver/${cluster.name}`,
    pid: cluster.pid('kube-apiserver'),
  }));
}

function testbedOf({ clusters, rttMs }: Trial, federates: boolean): LocalTestbedSpec {
  const host = { name: kubefedHost, city: undefined, nodes: [] };
  const members = clusters.map(({ name, nodes }) => ({
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
  }));
  return {
    clusters: federates ? [...members, host] : members,
    rttMs: Object.fromEntries(
      clusters.map(({ name }, a) => [
        name,
        Object.fromEntries(clusters.map(({ name: other }, b) => [other, rttMs(a, b)])),
      ]),
    ),
  };
}
