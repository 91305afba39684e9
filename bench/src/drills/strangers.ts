/**
 * Peers without a valid membership, and a member that turns bad. Nothing that they say is believed.
 * Meanwhile the pods of others go where they should, and no agent's memory grows without bound.
 */
import { createdToBoundMs, perSecond, placementsIn } from '../observation/placements.ts';
import { auditFigures, idleRssMb, offloadRttMs, peakRssMb, tenths } from '../report/figures.ts';
import {
  auditLine,
  latencyLine,
  line,
  memoryLine,
  milliseconds,
  percent,
} from '../report/lines.ts';
import { atTheDoor } from './at-the-door.ts';
import { forgeriesIn, inside } from './bad-members.ts';
import type { Drill } from './drill.ts';
import { inNamespace, isRunning, Setting } from './setting.ts';
import { underFlood } from './under-flood.ts';

/** What an agent may grow by under all of this, the burst included. */
const rssGrowthMbMax = 120;

export const strangers: Drill = async ({ pods, kubernetes }, say) => {
  const setting = await Setting.start({ clusters: 3, pods, kubernetes, say });
  try {
    const kubeSchedulerBindsPerSecond = await setting.kubeSchedulerBindsPerSecond(pods);
    const isolated = await setting.isolatedPendingRatio(pods);
    const federation = await setting.federation();
    const idle = idleRssMb(federation);
    const door = await atTheDoor(federation, say);
    const flood = await underFlood(federation, say);
    const findings = [...door, ...(await inside(setting, federation, pods, say))];
    const namespace = 'meanwhile';
    const ran = await setting.settles(() => {
      const made = setting.pods(namespace);
      return made.length === pods && made.every(isRunning);
    });
    const placements = placementsIn(setting.histories, inNamespace(namespace));
    const peak = peakRssMb(federation);
    const figures = {
      pendingRatio: { spillway: setting.pendingRatio(namespace), isolated },
      createdToBoundMs: createdToBoundMs(placements),
      offloadsPerSecond: tenths(perSecond(placements)),
      kubeSchedulerBindsPerSecond,
      offloadRttMs: offloadRttMs(setting.testbed, setting.histories),
      strangers: findings,
      flood,
      forgeriesBelieved: forgeriesIn(setting),
      audit: auditFigures(setting.histories),
      agentRssMb: { idle, peak },
    };
    const { pendingRatio } = figures;
    const text = [
      ...findings.map(({ stranger, refused, counted }) =>
        line(stranger, `${refused ? 'refused' : 'NOT REFUSED'}  ${JSON.stringify(counted)}`),
      ),
      line(
        `${flood.perSecond} connections a second`,
        `members from there got in after ${flood.gotInMs.join(', ')} ms; the agent answered in ${milliseconds(flood.answerMs.during?.p50)} at the median, ${milliseconds(flood.answerMs.before?.p50)} before`,
      ),
      line('forged adverts believed', `${figures.forgeriesBelieved}`),
      line(
        'pending pods meanwhile',
        `${percent(pendingRatio.spillway)}, ${percent(isolated)} without Spillway`,
      ),
      latencyLine(figures.createdToBoundMs, placements.length),
      auditLine(figures.audit),
      memoryLine(figures.agentRssMb),
    ].join('\n');
    const failures = [
      ...findings.flatMap(({ stranger, refused }) => (refused ? [] : [`${stranger}: not refused`])),
      ...(flood.neighboursKept ? [] : ['an agent lost a neighbour in the flood']),
      ...(flood.leftOpen === 0
        ? []
        : [`${flood.leftOpen} connections of the flood are still open`]),
      ...(figures.forgeriesBelieved === 0 ? [] : ['a forged advert was believed']),
      ...(ran ? [] : [`not all ${pods} pods run`]),
      ...(peak - idle <= rssGrowthMbMax
        ? []
        : [`an agent grew by ${peak - idle} MB, more than ${rssGrowthMbMax} MB`]),
    ];
    return { figures, failures, text };
  } finally {
    await setting.stop();
  }
};
