/** A burst at a full cluster, in both ways that pods become ours; kube-scheduler's binding beside it. */
import { createdToBoundMs, perSecond, placementsIn } from '../observation/placements.ts';
import { auditFigures, idleRssMb, offloadRttMs, peakRssMb, tenths } from '../report/figures.ts';
import { auditLine, latencyLine, line, memoryLine, nothing, percent } from '../report/lines.ts';
import { type Burst, makeBurst } from './burst-pods.ts';
import type { Drill } from './drill.ts';
import { inNamespace, isRunning, Setting } from './setting.ts';

export const burst: Drill = async ({ pods, kubernetes }, say) => {
  const setting = await Setting.start({ clusters: 5, pods, kubernetes, say });
  try {
    const kubeSchedulerBindsPerSecond = await setting.kubeSchedulerBindsPerSecond(pods);
    const isolated = await setting.isolatedPendingRatio(pods);
    const federation = await setting.federation();
    const idle = idleRssMb(federation);

    const labelled = await trial(setting, { namespace: 'labelled', pods, way: 'namespace' });
    await setting.removed(setting.home, 'labelled');
    const named = await trial(setting, { namespace: 'named', pods, way: 'schedulerName' });

    const figures = {
      pendingRatio: { spillway: named.pendingRatio, isolated },
      createdToBoundMs: named.createdToBoundMs,
      offloadsPerSecond: named.offloadsPerSecond,
      kubeSchedulerBindsPerSecond,
      offloadsToBinds: ratio(named.offloadsPerSecond, kubeSchedulerBindsPerSecond),
      labelledNamespace: {
        ...labelled,
        offloadsToBinds: ratio(labelled.offloadsPerSecond, kubeSchedulerBindsPerSecond),
      },
      offloadRttMs: offloadRttMs(setting.testbed, setting.histories),
      audit: auditFigures(setting.histories),
      agentRssMb: { idle, peak: peakRssMb(federation) },
    };
    const rate = (offloads: number, of: number | null): string =>
      `${offloads} a second, ${of ?? nothing} × kube-scheduler’s ${kubeSchedulerBindsPerSecond} at an empty cluster`;
    const text = [
      line('pending pods', `${percent(named.pendingRatio)}, ${percent(isolated)} without Spillway`),
      '  schedulerName: spillway',
      latencyLine(named.createdToBoundMs, pods),
      line('offloads', rate(named.offloadsPerSecond, figures.offloadsToBinds)),
      '  namespace labelled, after kube-scheduler found no room',
      latencyLine(labelled.createdToBoundMs, pods),
      line('offloads', rate(labelled.offloadsPerSecond, figures.labelledNamespace.offloadsToBinds)),
      '  both',
      auditLine(figures.audit),
      memoryLine(figures.agentRssMb),
    ].join('\n');
    const failures = [...labelled.failures, ...named.failures];
    return { figures, failures, text };
  } finally {
    await setting.stop();
  }
};

async function trial(setting: Setting, trialled: Burst) {
  const { namespace, pods } = trialled;
  await makeBurst(setting.homeCluster, trialled);
  const ran = await setting.settles(() => {
    const made = setting.pods(namespace);
    return made.length === pods && made.every(isRunning);
  });
  const placements = placementsIn(setting.histories, inNamespace(namespace));
  return {
    pendingRatio: setting.pendingRatio(namespace),
    createdToBoundMs: createdToBoundMs(placements),
    offloadsPerSecond: tenths(perSecond(placements)),
    failures: ran ? [] : [`${namespace}: not all ${pods} pods run`],
  };
}

function ratio(a: number, b: number): number | null {
  return b === 0 ? null : Math.round((100 * a) / b) / 100;
}
