/**
 * Links cut for two minutes and healed, in one direction and in both. First it is one link, while gossip
 * still goes by other links; then all links of the busiest host. No pod may be evicted before a neighbour
 * counts as gone. None may run twice when the links are back.
 */
import { directoryPresets } from '@spillway/federation';
import type { AgentProcess } from '../federation/agent-process.ts';
import { deploymentYaml } from '../federation/deployment-yaml.ts';
import { createdToBoundMs, perSecond, placementsIn } from '../observation/placements.ts';
import { clusterNames, hostOf } from '../observation/tally.ts';
import { auditFigures, idleRssMb, offloadRttMs, peakRssMb, tenths } from '../report/figures.ts';
import { auditLine, latencyLine, line, memoryLine, percent } from '../report/lines.ts';
import type { Drill } from './drill.ts';
import { inNamespace, isRunning, Setting } from './setting.ts';

const cutMs = 120_000;
const reportEveryMs = 15_000;

/** Quick enough that two minutes show all of it: suspicion, loss, eviction, replacement, return. */
const preset = 'wan';
const nodeGraceSeconds = 20;
/** Of half of the pods; the other half has Kubernetes' own 300 s, and stays. */
const hastyTolerationSeconds = 10;

const namespace = 'cut';
const hasty = 'hasty';

interface CutFigures {
  readonly directions: string;
  /** From all others, and not only from the home. */
  readonly isolated: boolean;
  /** After the cut; undefined for never. */
  readonly suspectAfterMs: number | undefined;
  readonly goneAfterMs: number | undefined;
  readonly firstEvictionAfterMs: number | undefined;
  readonly evicted: number;
  readonly settledAfterHealMs: number | undefined;
}

export const cut: Drill = async ({ pods, kubernetes }, say) => {
  const setting = await Setting.start({ clusters: 3, pods, kubernetes, nodeGraceSeconds, say });
  try {
    const kubeSchedulerBindsPerSecond = await setting.kubeSchedulerBindsPerSecond(pods);
    const isolated = await setting.isolatedPendingRatio(pods);
    const federation = await setting.federation([`mesh.preset=${preset}`]);
    const idle = idleRssMb(federation);
    await setting.homeCluster.apply(workloadYaml(pods));
    const spread = await setting.settles(() => wholeAndRunning(setting, pods));
    const placements = placementsIn(setting.histories, inNamespace(namespace));
    const rtt = offloadRttMs(setting.testbed, setting.histories);
    const pendingRatio = { spillway: setting.pendingRatio(namespace), isolated };

    const agent = federation.agent(setting.home);
    const cuts = [
      await trial({ setting, agent, pods, isolated: false, bothWays: true, say }),
      await trial({ setting, agent, pods, isolated: true, bothWays: false, say }),
      await trial({ setting, agent, pods, isolated: true, bothWays: true, say }),
    ];
    const figures = {
      pendingRatio,
      createdToBoundMs: createdToBoundMs(placements),
      offloadsPerSecond: tenths(perSecond(placements)),
      kubeSchedulerBindsPerSecond,
      offloadRttMs: rtt,
      cutMs,
      goneMs,
      cuts,
      audit: auditFigures(setting.histories),
      agentRssMb: { idle, peak: peakRssMb(federation) },
    };
    const text = [
      line(
        'pending pods',
        `${percent(pendingRatio.spillway)}, ${percent(isolated)} without Spillway`,
      ),
      latencyLine(figures.createdToBoundMs, placements.length),
      ...cuts.map(cutLine),
      auditLine(figures.audit),
      memoryLine(figures.agentRssMb),
    ].join('\n');
    const failures = [
      ...(spread ? [] : [`not all ${pods} pods run before the cut`]),
      ...cuts.flatMap(failuresOf),
    ];
    return { figures, failures, text };
  } finally {
    await setting.stop();
  }
};

/** Silence until a neighbour counts as gone. */
const goneMs = directoryPresets[preset].suspectMs + directoryPresets[preset].goneMs;

async function trial(options: {
  readonly setting: Setting;
  readonly agent: AgentProcess;
  readonly pods: number;
  /** From all others, and not only from the home. */
  readonly isolated: boolean;
  readonly bothWays: boolean;
  readonly say: (text: string) => void;
}): Promise<CutFigures> {
  const { setting, agent, pods, isolated, bothWays, say } = options;
  const { home, hosts } = setting;
  const { links } = setting.testbed;
  const host = hostOfMost(setting, hasty);
  const from = isolated ? [home, ...hosts.filter((name) => name !== host)] : [home];
  say(`  ${away(setting, host)} of ${pods} pods run at ${host}`);
  const directions = `${host} ${bothWays ? '⇹' : '⇸'} ${isolated ? 'all' : from.join()}`;
  say(`Cut for ${cutMs / 1000} s: ${directions}`);
  for (const other of from) {
    await links.cut(host, other);
    if (bothWays) await links.cut(other, host);
  }
  const started = performance.now();
  const seen = new Map<string, number>();
  let reported = 0;
  while (performance.now() - started < cutMs) {
    const liveness = await livenessOf(agent, host);
    const elapsedMs = performance.now() - started;
    if (!seen.has(liveness)) seen.set(liveness, elapsedMs);
    if (elapsedMs > reported) {
      reported += reportEveryMs;
      say(
        `  ${Math.round(elapsedMs / 1000)} s: ${host} is ${liveness}, ${away(setting, host)} pods there, ${setting.shadows()} shadows in all`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const evictions = evictionsSince(setting, host, started);
  for (const other of from) {
    await links.heal(host, other);
    await links.heal(other, host);
  }
  const healed = performance.now();
  const settled = await setting.settles(() => wholeAndRunning(setting, pods));
  const settledAfterHealMs = settled ? Math.round(performance.now() - healed) : undefined;
  say(
    `  healed; ${evictions.length} pods had been evicted, all runs again ${settledAfterHealMs === undefined ? 'NOT' : `after ${settledAfterHealMs} ms`}`,
  );
  const at = (liveness: string) => {
    const ms = seen.get(liveness);
    return ms === undefined ? undefined : Math.round(ms);
  };
  return {
    directions,
    isolated,
    suspectAfterMs: at('suspect'),
    goneAfterMs: at('gone'),
    firstEvictionAfterMs:
      evictions.length === 0 ? undefined : Math.round(Math.min(...evictions) - started),
    evicted: evictions.length,
    settledAfterHealMs,
  };
}

/** Moments at which pods at `host` were first seen failed or being deleted. */
function evictionsSince(setting: Setting, host: string, sinceMs: number): readonly number[] {
  const evicted = new Map<string, number>();
  const history = setting.histories.histories.find(({ cluster }) => cluster === setting.home);
  const clusters = clusterNames(setting.histories.histories);
  for (const { kind, object, atMs } of history?.changes ?? []) {
    if (kind !== 'Pod' || atMs < sinceMs || hostOf(object, clusters) !== host) continue;
    const { uid = '', deletionTimestamp } = object.metadata;
    const ended = deletionTimestamp !== undefined || object.status?.phase === 'Failed';
    if (ended && !evicted.has(uid)) evicted.set(uid, atMs);
  }
  return [...evicted.values()];
}

function failuresOf(cut: CutFigures): readonly string[] {
  const { directions, firstEvictionAfterMs: first, settledAfterHealMs, evicted } = cut;
  const failures: string[] = [];
  if (first !== undefined && first < goneMs) {
    failures.push(`${directions}: a pod was evicted after ${first} ms, before ${goneMs} ms`);
  }
  if (cut.isolated && cut.suspectAfterMs === undefined) {
    failures.push(`${directions}: never suspected`);
  }
  if (cut.isolated && evicted === 0) {
    failures.push(`${directions}: the hasty pods were not replaced`);
  }
  if (!cut.isolated && evicted > 0) {
    failures.push(`${directions}: evicted although others still heard of it`);
  }
  if (settledAfterHealMs === undefined) failures.push(`${directions}: did not settle when healed`);
  return failures;
}

function cutLine(cut: CutFigures): string {
  const ms = (value: number | undefined): string =>
    value === undefined ? 'never' : `after ${(value / 1000).toFixed(1)} s`;
  return line(
    cut.directions,
    `suspect ${ms(cut.suspectAfterMs)}, gone ${ms(cut.goneAfterMs)}, first eviction ${ms(cut.firstEvictionAfterMs)} (${cut.evicted} pods), settled ${ms(cut.settledAfterHealMs)} of healing`,
  );
}

/** All replicas run, and nothing else is left anywhere. */
function wholeAndRunning(setting: Setting, pods: number): boolean {
  const made = setting.pods(namespace);
  return made.length === pods && made.every(isRunning) && setting.shadows() === setting.away();
}

function away(setting: Setting, host: string): number {
  const clusters = clusterNames(setting.histories.histories);
  return setting.pods(namespace).filter((pod) => hostOf(pod, clusters) === host).length;
}

/** The neighbour with most pods of one name. */
function hostOfMost(setting: Setting, app: string): string {
  const counts = new Map<string, number>();
  const clusters = clusterNames(setting.histories.histories);
  for (const pod of setting.pods(namespace)) {
    const host = hostOf(pod, clusters);
    if (host === undefined || pod.metadata.labels?.['app'] !== app) continue;
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}

async function livenessOf(agent: AgentProcess, host: string): Promise<string> {
  const rows = await agent.get<{ cluster: string; liveness: string }[]>('/v1/neighbours');
  return rows.find(({ cluster }) => cluster === host)?.liveness ?? 'unknown';
}

function workloadYaml(pods: number): string {
  const hastyPods = Math.floor(pods / 2);
  const pod = { namespace, cpu: '250m', memory: '128Mi' };
  return `apiVersion: v1
kind: Namespace
metadata: { name: ${namespace}, labels: { spillway.dev/offload: enabled } }
---
${deploymentYaml({ ...pod, name: 'patient', replicas: pods - hastyPods })}---
${deploymentYaml({ ...pod, name: hasty, replicas: hastyPods, spec: [`tolerations: [${tolerations()}]`] })}`;
}

function tolerations(): string {
  return ['unreachable', 'not-ready']
    .map(
      (what) =>
        `{ key: node.kubernetes.io/${what}, operator: Exists, effect: NoExecute, tolerationSeconds: ${hastyTolerationSeconds} }`,
    )
    .join(', ');
}
