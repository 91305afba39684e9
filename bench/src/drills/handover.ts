/**
 * A burst is offloaded from a cluster of kind `kind`, with agents installed by the chart, while the active
 * agent is taken away. Its pod is deleted, its node restarted, or the DaemonSet rolled to another image.
 * Agents, API servers and kubelets are real. The burst's nodes are KWOK's, since two hundred containers
 * would measure this machine.
 */
import { type BuiltImage, buildImage } from '@spillway/image';
import { equalNodes, type KindCluster, startTestbed, waitFor } from '@spillway/testbed';
import { agentMemory } from '../installed/agent-memory.ts';
import { AgentGaps } from '../installed/agent-gaps.ts';
import { runningToReadyMs } from '../installed/agent-start.ts';
import { activePod, agentNamespace } from '../installed/installation.ts';
import { type InstalledFederation, installFederation } from '../installed/installed-federation.ts';
import { collectHistories, type Histories } from '../observation/histories.ts';
import { createdToBoundMs, placementsIn } from '../observation/placements.ts';
import type { Quantiles } from '../observation/quantiles.ts';
import { type AuditFigures, auditFigures, summedAudits } from '../report/figures.ts';
import { clusterNames, hostOf, shadowCount } from '../observation/tally.ts';
import { medianOf } from '../results/statistics.ts';
import { auditLine, line, memoryLine, milliseconds } from '../report/lines.ts';
import { makeBurst, removePods } from './burst-pods.ts';
import type { Drill } from './drill.ts';
import { inNamespace, isRunning } from './setting.ts';

export const disruptions = ['pod deleted', 'node restarted', 'image rolled'] as const;
export type Disruption = (typeof disruptions)[number];

export interface HandoverFigures {
  readonly rounds: readonly {
    readonly disruption: Disruption;
    /** From the disruption until the next agent was active, at most, ms. */
    readonly untilNextMs: number;
    /** Of these, how long nobody held the Lease, ms. */
    readonly unheldMs: number;
    /** Null when nothing got a node. */
    readonly createdToBoundMs: Quantiles | null;
  }[];
  /** Of the burst while it runs and after it is gone, in each round; by how many pods there are. */
  readonly audit: AuditFigures;
  /** In their containers, of all agents, since they started. */
  readonly agentRssMb: { readonly idle: number; readonly peak: number };
  /** Of agents that started: from their container running to their pod Ready, ms; null when none did. */
  readonly runningToReadyMs: { readonly median: number; readonly max: number } | null;
  readonly seconds: { readonly clusters: number; readonly installation: number };
}

const settleMsMax = 300_000;

export const handover: Drill<HandoverFigures> = async ({ pods }, say) => {
  const started = performance.now();
  const since = (): number => Math.round((performance.now() - started) / 1000);
  say('Starting two kind clusters …');
  const testbed = await startTestbed({
    kind: 'kind',
    rttMs: { paris: { lyon: 8 } },
    clusters: [
      // Three real nodes, so that agents stand by.
      { name: 'paris', city: 'paris', workers: 2, nodes: [] },
      { name: 'lyon', city: 'lyon', nodes: equalNodes(16, { memory: '16Gi' }) },
    ],
  });
  const clusterSeconds = since();
  let histories: Histories | undefined;
  try {
    say(`  up after ${clusterSeconds} s`);
    const federation = await installFederation(testbed, { onStep: (step) => say(`  ${step}`) });
    const installation = since() - clusterSeconds;
    say(`  installed after ${installation} s`);
    // Nothing but an agent or a system pod may start in a container: the burst is for KWOK's nodes.
    await Promise.all(testbed.clusters.map(cordonRealNodes));
    histories = await collectHistories(testbed.clusters);
    const home = testbed.cluster('paris');
    const { rssMb: idle } = await agentMemory(testbed.clusters);
    const rounds = [];
    const audits: AuditFigures[] = [];
    const failures: string[] = [];
    let peak = 0;
    for (const disruption of disruptions) {
      const round = await play({ federation, histories, home, disruption, pods });
      say(`  ${disruption}: next agent after ${Math.round(round.untilNextMs)} ms`);
      failures.push(...round.failures);
      audits.push(...round.audits);
      peak = Math.max(peak, round.peakRssMb);
      rounds.push({
        disruption,
        untilNextMs: Math.round(round.untilNextMs),
        unheldMs: Math.round(round.unheldMs),
        createdToBoundMs: round.createdToBoundMs,
      });
    }
    const figures = {
      rounds,
      audit: summedAudits(audits),
      agentRssMb: { idle, peak },
      runningToReadyMs: starts(histories),
      seconds: { clusters: clusterSeconds, installation },
    };
    const text = [
      ...rounds.map(({ disruption, untilNextMs, unheldMs, createdToBoundMs: bound }) =>
        line(
          disruption,
          `next agent active after ${untilNextMs} ms, Lease unheld for ${unheldMs} ms; creation to shadow bound ${milliseconds(bound?.p50)} at the median, ${milliseconds(bound?.max)} at most`,
        ),
      ),
      auditLine(figures.audit),
      memoryLine(figures.agentRssMb),
      line(
        'container running to Ready',
        `${milliseconds(figures.runningToReadyMs?.median)} at the median, ${milliseconds(figures.runningToReadyMs?.max)} at most`,
      ),
    ].join('\n');
    return { figures, failures, text };
  } finally {
    await histories?.stop();
    await testbed.stop();
  }
};

interface Round {
  readonly federation: InstalledFederation;
  readonly histories: Histories;
  readonly home: KindCluster;
  readonly disruption: Disruption;
  readonly pods: number;
}

async function play({ federation, histories, home, disruption, pods }: Round) {
  const namespace = disruption.replaceAll(' ', '-');
  const made = () => [...histories.pods(home.name).values()].filter(inNamespace(namespace));
  const clusters = clusterNames(histories.histories);
  const away = () => made().filter((pod) => hostOf(pod, clusters) !== undefined);
  const active = await activePod(home);
  const next = disruption === 'image rolled' ? await retagged(federation) : undefined;
  const gaps = new AgentGaps(home);
  try {
    await waitFor('the Lease is seen', () => gaps.epoch > 0 || undefined, { timeoutMs: 10_000 });
    const epoch = gaps.epoch;
    const burst = makeBurst(home, { namespace, pods, way: 'schedulerName' });
    await waitFor('a third of the burst is away', () => away().length * 3 >= pods || undefined, {
      timeoutMs: settleMsMax,
      everyMs: 10,
    });
    const atMs = performance.now();
    if (disruption === 'pod deleted') {
      await home.client.call(
        'DELETE',
        `/api/v1/namespaces/${agentNamespace}/pods/${active.metadata.name ?? ''}`,
      );
    } else if (disruption === 'node restarted') await home.restartNode(active.spec.nodeName ?? '');
    else if (next !== undefined) await federation.upgrade(home, { image: next });
    await burst;
    const untilNextMs = await waitFor(
      'another agent is active',
      () => gaps.untilNext(atMs, epoch),
      {
        timeoutMs: settleMsMax,
      },
    );
    const failures: string[] = [];
    await waitFor(
      'all of the burst runs',
      () => (made().length === pods && made().every(isRunning)) || undefined,
      { timeoutMs: settleMsMax, everyMs: 100 },
    ).catch((error: unknown) => failures.push(`${disruption}: ${(error as Error).message}`));
    const placements = placementsIn(histories, inNamespace(namespace));
    const whileThere = auditFigures(histories);
    const { peakRssMb } = await agentMemory(federation.testbed.clusters);
    await removePods(home, namespace);
    await waitFor(
      'the burst is gone, at home and at its host',
      () => (made().length === 0 && shadowCount(histories) === 0) || undefined,
      { timeoutMs: settleMsMax, everyMs: 100 },
    ).catch((error: unknown) => failures.push(`${disruption}: ${(error as Error).message}`));
    return {
      untilNextMs,
      unheldMs: gaps.unheldMs(atMs),
      createdToBoundMs: createdToBoundMs(placements),
      audits: [whileThere, auditFigures(histories)],
      peakRssMb,
      failures,
    };
  } finally {
    await gaps.stop();
  }
}

async function cordonRealNodes(cluster: KindCluster): Promise<void> {
  for (const { name } of cluster.realNodes) {
    const cordoned = { spec: { unschedulable: true } };
    const path = `/api/v1/nodes/${name}`;
    await cluster.client.call('PATCH', path, cordoned, 'application/merge-patch+json');
  }
}

function starts({ histories }: Histories): HandoverFigures['runningToReadyMs'] {
  const all = histories.flatMap(runningToReadyMs);
  if (all.length === 0) return null;
  return { median: Math.round(medianOf(all)), max: Math.round(Math.max(...all)) };
}

/** The same programs under another tag: to a DaemonSet, another image. */
async function retagged({ testbed, image }: InstalledFederation): Promise<BuiltImage> {
  const next = await buildImage({ tag: `${image.reference.split(':').at(-1) ?? ''}-next` });
  await testbed.loadImage(next.archive);
  return next;
}
