/**
 * `npm start`: five real clusters on a map, one agent each, more work on one of them than it can hold.
 * First the clusters on their own, then with Spillway, the same workload both times.
 */
import { styleText } from 'node:util';
import { wellKnown } from '@spillway/core';
import {
  cities,
  type CommandRun,
  equalNodes,
  runCommand,
  startTestbed,
  type Testbed,
  waitFor,
} from '@spillway/testbed';
import { createLogUpdate } from 'log-update';
import { startFederation } from '../federation/federation.ts';
import { collectHistories, type Histories } from '../observation/histories.ts';
import { createdToBoundMs, perSecond, placementsIn } from '../observation/placements.ts';
import { defaultScheduler, settled } from '../observation/settled.ts';
import { flowsOf } from '../observation/tally.ts';
import {
  auditFigures,
  idleRssMb,
  offloadRttMs,
  peakRssMb,
  pendingRatio,
  rowsOf,
  tenths,
} from '../report/figures.ts';
import { percent } from '../report/lines.ts';
import { clusterTable, flowTable } from '../report/tables.ts';
import { type Manifests, manifestsFor, namespaceOf, podsOf } from './manifests.ts';
import { type MainJobOptions, readOptions } from './options.ts';
import { summaryText, whatToType } from './summary.ts';

/** As GKE keeps of a node of 4 vCPU and 4 GiB for its own daemons. */
const reserved = { cpu: '80m', memory: '1Gi' };
const refreshMs = 400;
const settleMsMax = 180_000;

await runCommand(async (command) => await run(readOptions(process.argv.slice(2)), command));

async function run(options: MainJobOptions, command: CommandRun): Promise<void> {
  const started = performance.now();
  const { clusters, nodes } = options;
  say(`Starting ${clusters} clusters of ${nodes} nodes, 4 vCPU and 4 GiB each …`);
  const testbed = await startTestbed({
    kubernetes: options.kubernetes,
    clusters: cities
      .slice(0, clusters)
      .map(({ name }) => ({ name, city: name, nodes: equalNodes(nodes, { reserved }) })),
  });
  say(`  up after ${seconds(started)}\n`);
  const manifests = manifestsFor(testbed.clusters, options.file);

  say(styleText('bold', 'The clusters on their own:'));
  const isolated = await measured(testbed, manifests, [defaultScheduler]);
  const alone = rowsOf(testbed, isolated);
  say(
    `${clusterTable(alone)}\n  ${styleText('bold', percent(pendingRatio(alone)))} of the pods are pending\n`,
  );
  const kubeScheduled = placementsIn(isolated);
  await cleared(testbed, manifests, isolated);
  await isolated.stop();

  const launched = performance.now();
  const federation = await startFederation(testbed);
  const idle = idleRssMb(federation);
  say(`One agent in each, ready and acquainted after ${seconds(launched)}\n`);

  say(styleText('bold', 'The same with Spillway:'));
  const histories = await measured(testbed, manifests, [defaultScheduler, wellKnown.schedulerName]);
  const rows = rowsOf(testbed, histories);
  const offloaded = placementsIn(histories).filter(({ host }) => host !== undefined);
  const summary = {
    clusters,
    nodesPerCluster: nodes,
    pendingRatio: { spillway: pendingRatio(rows), isolated: pendingRatio(alone) },
    offloadedPods: offloaded.length,
    createdToBoundMs: createdToBoundMs(offloaded),
    offloadsPerSecond: tenths(perSecond(offloaded)),
    kubeSchedulerBindsPerSecond: tenths(perSecond(kubeScheduled)),
    offloadRttMs: offloadRttMs(testbed, histories),
    audit: auditFigures(histories),
    agentRssMb: { idle, peak: peakRssMb(federation) },
    flows: flowsOf(histories),
    perCluster: rows,
    seconds: tenths((performance.now() - started) / 1000),
  };
  const text = options.json ? JSON.stringify(summary, null, 2) : summaryText(summary, testbed);
  process.stdout.write(`${text}\n`);
  if (options.once) {
    await histories.stop();
    await testbed.stop();
    return;
  }
  say(whatToType(testbed, federation, namespaceOf(manifests)));
  command.lasts();
  await new Promise((resolve) => command.signal.addEventListener('abort', resolve));
}

/** Applies the workload and shows what happens until nothing does any more. */
async function measured(
  bed: Testbed,
  manifests: Manifests,
  schedulers: readonly string[],
): Promise<Histories> {
  const histories = await collectHistories(bed.clusters);
  const live = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  const timer = setInterval(() => {
    const flows = flowTable(flowsOf(histories), (home, host) => bed.links.rttMs(home, host));
    live?.(`${clusterTable(rowsOf(bed, histories))}\n\n${flows}`);
  }, refreshMs);
  try {
    await Promise.all(
      [...manifests].map(async ([cluster, yaml]) => await bed.cluster(cluster).apply(yaml)),
    );
    const open = await settled(histories, {
      podsExpected: podsOf(manifests),
      timeoutMs: settleMsMax,
      schedulers: new Set(schedulers),
    });
    live?.clear();
    if (open !== undefined) say(styleText('yellow', `  ${open}`));
    return histories;
  } finally {
    clearInterval(timer);
    live?.clear();
  }
}

async function cleared(bed: Testbed, manifests: Manifests, histories: Histories): Promise<void> {
  await Promise.all(
    [...manifests].map(async ([cluster, yaml]) => await bed.cluster(cluster).remove(yaml)),
  );
  const left = (): number =>
    bed.clusters.reduce((sum, { name }) => sum + histories.pods(name).size, 0);
  await waitFor('the pods of the first part are gone', () => left() === 0 || undefined, {
    timeoutMs: settleMsMax,
  });
}

/** Standard output is for the summary alone. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
