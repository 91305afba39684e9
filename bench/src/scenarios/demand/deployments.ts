/**
 * Deployments whose replicas are requested at preferred locations, some locations far more than others. As
 * in mck8s' MultiClusterDeployments, `replicas` applies to each location. They arrive over the first part of
 * the time. Later, from time to time, one leaves and another arrives, or one grows while another shrinks. So
 * the sum stays what the load says.
 */
import type { App, Step } from '@spillway/simulator';
import { askOf, placeable } from '../room.ts';
import type { DemandOf } from '../schema.ts';
import type { DemandContext } from '../trial-of.ts';
import { between, draw, zipf } from './choose.ts';

interface Draft {
  readonly homes: readonly number[];
  readonly steps: Step[];
}

export function deploymentApps(
  demand: DemandOf<'deployments'>,
  { sites, load, durationMs, random, index }: DemandContext,
): readonly App[] {
  const pod = askOf(demand.pod);
  const wanted = Math.round(
    load *
      placeable(
        sites.map(({ cluster }) => cluster),
        pod,
      ),
  );
  const weights = zipf(sites.length, demand.skew);
  const locations = random('locations');
  const drafts: Draft[] = [];
  const replicasOf = ({ steps }: Draft): number => steps.at(-1)?.replicas ?? 0;
  const begin = (atMs: number, room: number): number => {
    const homes = draw(locations, weights, Math.min(between(locations, demand.locations), room));
    const most = Math.floor(room / homes.length);
    const replicas = Math.min(between(locations, demand.replicas), most);
    drafts.push({ homes, steps: [{ atMs, replicas }] });
    return replicas * homes.length;
  };
  let asked = 0;
  while (asked < wanted) asked += begin(0, wanted - asked);
  const arrivals = random('arrivals');
  const arriveMs = durationMs * demand.arriveWithin;
  for (const { steps } of drafts) {
    const [first] = steps;
    if (first !== undefined) steps[0] = { ...first, atMs: Math.round(arrivals.unit() * arriveMs) };
  }
  const changes = random('changes');
  const everyMs = demand.changeEveryS * 1_000;
  for (let atMs = arriveMs + everyMs; atMs < durationMs; atMs += everyMs) {
    const living = drafts.filter((draft) => replicasOf(draft) > 0);
    const from = living[changes.below(living.length)];
    if (from === undefined) break;
    if (changes.below(2) === 0) {
      // One goes, and others come in its stead.
      const freed = replicasOf(from) * from.homes.length;
      from.steps.push({ atMs, replicas: 0 });
      for (let left = freed; left > 0; ) left -= begin(atMs, left);
      continue;
    }
    const to = living[changes.below(living.length)];
    if (to === undefined || to === from || to.homes.length !== from.homes.length) continue;
    const moved = 1 + changes.below(Math.max(1, replicasOf(from) - 1));
    if (moved >= replicasOf(from)) continue;
    from.steps.push({ atMs, replicas: replicasOf(from) - moved });
    to.steps.push({ atMs, replicas: replicasOf(to) + moved });
  }
  return drafts.map(({ homes, steps }, i) => ({ name: `d${index}-${i}`, pod, homes, steps }));
}
