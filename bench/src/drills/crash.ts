/**
 * The burst, while the home's agent, a host's agent and a host's API server are killed at random
 * moments and come back later. Each round is a fresh test bed with a seed of its own.
 */
import { type Random, randomStream } from '@spillway/core';
import type { Federation } from '../federation/federation.ts';
import {
  createdToBoundMs,
  perSecond,
  type Placement,
  placementsIn,
} from '../observation/placements.ts';
import {
  type AuditFigures,
  auditFigures,
  summedAudits,
  idleRssMb,
  offloadRttMs,
  peakRssMb,
  tenths,
} from '../report/figures.ts';
import { auditLine, latencyLine, line, memoryLine, percent } from '../report/lines.ts';
import { makeBurst } from './burst-pods.ts';
import type { Drill, DrillFigures } from './drill.ts';
import type { DrillOptions } from './options.ts';
import { inNamespace, isRunning, Setting } from './setting.ts';

/** Of all kills, counted from the burst's first pod. */
const killWithinMs = 2_500;
const awayMsMin = 500;
const awayMsMax = 6_000;

interface Blow {
  readonly what: 'home agent' | 'host agent' | 'host API server';
  readonly cluster: string;
  readonly atMs: number;
  readonly backAfterMs: number;
}

interface Round {
  readonly placements: readonly Placement[];
  readonly pendingRatio: number;
  readonly offloadRttMs: DrillFigures['offloadRttMs'];
  readonly audit: AuditFigures;
  readonly agentRssMb: DrillFigures['agentRssMb'];
  readonly failed: number;
  readonly settled: boolean;
}

export const crash: Drill = async (options, say) => {
  const { seed, rounds } = options;
  const baseline = await baselineOf(options, say);
  const done: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    say(`\nRound ${i + 1} of ${rounds}, seed ${seed + i}`);
    done.push(await round({ ...options, seed: seed + i }, say));
  }
  const rates = done.map(({ placements }) => perSecond(placements));
  const all = done.flatMap(({ placements }) => placements);
  const figures = {
    rounds,
    pendingRatio: { spillway: mean(done.map((each) => each.pendingRatio)), ...baseline.isolated },
    createdToBoundMs: createdToBoundMs(all),
    offloadsPerSecond: tenths(mean(rates)),
    kubeSchedulerBindsPerSecond: baseline.kubeSchedulerBindsPerSecond,
    offloadRttMs: meanRttMs(done),
    podsFailed: done.reduce((sum, { failed }) => sum + failed, 0),
    audit: summedAudits(done.map(({ audit }) => audit)),
    agentRssMb: {
      idle: Math.max(...done.map(({ agentRssMb }) => agentRssMb.idle)),
      peak: Math.max(...done.map(({ agentRssMb }) => agentRssMb.peak)),
    },
  };
  const failures = done.flatMap(({ settled }, i) =>
    settled ? [] : [`seed ${seed + i}: not all pods run, or not all that should have gone is gone`],
  );
  const { pendingRatio } = figures;
  const text = [
    line('rounds', `${rounds}, each with three kills (-9) within ${killWithinMs} ms`),
    line(
      'pending pods',
      `${percent(pendingRatio.spillway)}, ${percent(pendingRatio.isolated)} without Spillway`,
    ),
    line('failed pods', `${figures.podsFailed}`),
    latencyLine(figures.createdToBoundMs, all.length),
    auditLine(figures.audit),
    memoryLine(figures.agentRssMb),
  ].join('\n');
  return { figures, failures, text };
};

function meanRttMs(rounds: readonly Round[]): DrillFigures['offloadRttMs'] {
  const known = rounds.flatMap(({ offloadRttMs: rtt }) => rtt ?? []);
  if (known.length === 0) return null;
  return {
    mean: tenths(mean(known.map((each) => each.mean))),
    best: tenths(mean(known.map(({ best }) => best))),
  };
}

type Say = (text: string) => void;

async function baselineOf({ pods, kubernetes }: DrillOptions, say: Say) {
  const setting = await Setting.start({ clusters: 2, pods, kubernetes, say });
  try {
    return {
      kubeSchedulerBindsPerSecond: await setting.kubeSchedulerBindsPerSecond(pods),
      isolated: { isolated: await setting.isolatedPendingRatio(pods) },
    };
  } finally {
    await setting.stop();
  }
}

async function round({ pods, seed, kubernetes }: DrillOptions, say: Say): Promise<Round> {
  const setting = await Setting.start({ clusters: 5, pods, kubernetes, say });
  try {
    const federation = await setting.federation();
    const idle = idleRssMb(federation);
    const blows = plan(setting, randomStream(seed, 'blows'));
    const started = performance.now();
    const half = Math.floor(pods / 2);
    await Promise.all([
      makeBurst(setting.homeCluster, { namespace: 'named', pods: half, way: 'schedulerName' }),
      makeBurst(setting.homeCluster, {
        namespace: 'labelled',
        pods: pods - half,
        way: 'namespace',
      }),
      ...blows.map(async (blow) => await strike(setting, federation, blow)),
    ]);
    const made = () => [...setting.pods('named'), ...setting.pods('labelled')];
    const settled = await setting.settles(
      () =>
        made().length === pods &&
        made().every((pod) => isRunning(pod) || pod.status?.phase === 'Failed') &&
        setting.shadows() === setting.away(),
    );
    const audit = auditFigures(setting.histories);
    const running = made().filter(isRunning).length;
    for (const { what, cluster, atMs, backAfterMs } of blows) {
      say(`  ${what} of ${cluster} killed after ${ms(atMs)}, back ${ms(backAfterMs)} later`);
    }
    say(`  ${running} of ${pods} pods run after ${ms(performance.now() - started)}`);
    say(auditLine(audit));
    const ours = (pod: Parameters<ReturnType<typeof inNamespace>>[0]): boolean =>
      inNamespace('named')(pod) || inNamespace('labelled')(pod);
    return {
      placements: placementsIn(setting.histories, ours),
      pendingRatio: made().filter(({ spec }) => !spec.nodeName).length / pods,
      offloadRttMs: offloadRttMs(setting.testbed, setting.histories),
      audit,
      agentRssMb: { idle, peak: peakRssMb(federation) },
      failed: made().filter(({ status }) => status?.phase === 'Failed').length,
      settled,
    };
  } finally {
    await setting.stop();
  }
}

/** The hosts struck are two different ones. */
function plan({ home, hosts }: Setting, random: Random): readonly Blow[] {
  const first = random.below(hosts.length);
  const second = (first + 1 + random.below(hosts.length - 1)) % hosts.length;
  const moment = () => ({
    atMs: random.below(killWithinMs),
    backAfterMs: awayMsMin + random.below(awayMsMax - awayMsMin),
  });
  return [
    { what: 'home agent', cluster: home, ...moment() },
    { what: 'host agent', cluster: hosts[first] ?? '', ...moment() },
    { what: 'host API server', cluster: hosts[second] ?? '', ...moment() },
  ];
}

async function strike(setting: Setting, federation: Federation, blow: Blow): Promise<void> {
  const { what, cluster: name, atMs, backAfterMs } = blow;
  await elapsed(atMs);
  if (what === 'host API server') {
    const cluster = setting.testbed.cluster(name);
    await cluster.kill('kube-apiserver');
    await elapsed(backAfterMs);
    cluster.start('kube-apiserver');
    await cluster.ready();
    return;
  }
  const agent = federation.agent(name);
  await agent.end('SIGKILL');
  await elapsed(backAfterMs);
  await agent.start();
}

async function elapsed(durationMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, durationMs));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function ms(value: number): string {
  return `${(value / 1000).toFixed(1)} s`;
}
