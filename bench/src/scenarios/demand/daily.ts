/**
 * Demand that follows the site's local day: lowest at night, highest at `peakHour`, as a raised cosine, with
 * flash crowds on top. The load is the maximum of the sum over all sites. A site's own peak is far above
 * that, since not all have it at once.
 */
import type { App, Step } from '@spillway/simulator';
import { askOf, placeable } from '../room.ts';
import type { DemandOf } from '../schema.ts';
import type { DemandContext, Site } from '../trial-of.ts';
import { between } from './choose.ts';

const stepMs = 10 * 60_000;
const dayMs = 24 * 3_600_000;

export function dailyApps(
  demand: DemandOf<'daily'>,
  { sites, load, durationMs, random, index }: DemandContext,
): readonly App[] {
  const pod = askOf(demand.pod);
  const clusters = sites.map(({ cluster }) => cluster);
  const wanted = load * demand.share * placeable(clusters, pod);
  const count = Math.ceil(durationMs / stepMs);
  const curves = sites.map((site) =>
    Array.from({ length: count }, (_, i) => dayCurve(demand, site, i * stepMs)),
  );
  const sums = Array.from({ length: count }, (_, i) =>
    curves.reduce((sum, curve) => sum + (curve[i] ?? 0), 0),
  );
  const scale = wanted / Math.max(...sums);
  return sites.map((_, home) => {
    const draws = random(`site/${home}`);
    const crowds = flashCrowds(demand, durationMs, draws);
    const offsetMs = draws.below(stepMs);
    const steps: Step[] = [];
    for (let i = 0; i < count; i++) {
      const atMs = i === 0 ? 0 : i * stepMs + offsetMs;
      const crowd = crowds.some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
      const factor = crowd ? demand.flashFactor : 1;
      const replicas = Math.round((curves[home]?.[i] ?? 0) * scale * factor);
      if (atMs < durationMs && replicas !== steps.at(-1)?.replicas) steps.push({ atMs, replicas });
    }
    return { name: `day${index}-${home}`, pod, homes: [home], steps };
  });
}

/** In parts of the site's own peak. */
function dayCurve(
  { peakHour, lowest }: DemandOf<'daily'>,
  { utcOffsetHours }: Site,
  atMs: number,
): number {
  const hour = (atMs / 3_600_000 + utcOffsetHours) % 24;
  const phase = (2 * Math.PI * (hour - peakHour)) / 24;
  return lowest + (1 - lowest) * ((1 + Math.cos(phase)) / 2) ** 2;
}

function flashCrowds(
  { flashCrowdsPerSite, flashMinutes }: DemandOf<'daily'>,
  durationMs: number,
  draws: Parameters<typeof between>[0],
): readonly { readonly fromMs: number; readonly toMs: number }[] {
  const expected = (flashCrowdsPerSite * durationMs) / dayMs;
  const count = Math.floor(expected) + (draws.unit() < expected % 1 ? 1 : 0);
  return Array.from({ length: count }, () => {
    const fromMs = draws.unit() * durationMs;
    return { fromMs, toMs: fromMs + between(draws, flashMinutes) * 60_000 };
  });
}
