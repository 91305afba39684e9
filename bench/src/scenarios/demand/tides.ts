/** Demand that rises and falls in each cluster at a time of its own, while the sum stays: for growth. */
import type { App, Step } from '@spillway/simulator';
import { askOf, placeable } from '../room.ts';
import type { DemandOf } from '../schema.ts';
import type { DemandContext } from '../trial-of.ts';

export function tideApps(
  demand: DemandOf<'tides'>,
  { sites, load, durationMs, random, index }: DemandContext,
): readonly App[] {
  const pod = askOf(demand.pod);
  const draws = random('phases');
  const stepMs = demand.stepS * 1_000;
  return sites.map(({ cluster }, home) => {
    const mean = load * placeable([cluster], pod);
    const phase = draws.unit();
    const offsetMs = draws.unit() * stepMs;
    const steps: Step[] = [];
    for (let i = 0; i * stepMs < durationMs; i++) {
      const atMs = i === 0 ? 0 : Math.round((i - 1) * stepMs + offsetMs);
      const tide = Math.sin(2 * Math.PI * (atMs / (demand.periodS * 1_000) + phase));
      const replicas = Math.max(0, Math.round(mean * (1 + demand.swing * tide)));
      if (replicas !== steps.at(-1)?.replicas) steps.push({ atMs, replicas });
    }
    return { name: `t${index}-${home}`, pod, homes: [home], steps };
  });
}
