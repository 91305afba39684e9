/**
 * Sessions of AI agents and similar work. They start in bursts shorter than a minute, at a few sites far
 * more than at others. They stay for minutes to hours (log-normal). Each is an app of one replica. The load
 * says how many there are at once on average (Little's law). The trial starts with that number.
 */
import type { App } from '@spillway/simulator';
import { askOf, placeable } from '../room.ts';
import type { DemandOf } from '../schema.ts';
import type { DemandContext } from '../trial-of.ts';
import { between, draw, normal, shuffled, zipf } from './choose.ts';

const minuteMs = 60_000;

export function sessionApps(
  demand: DemandOf<'sessions'>,
  { sites, load, durationMs, random, index }: DemandContext,
): readonly App[] {
  const pod = askOf(demand.pod);
  const wanted =
    load *
    demand.share *
    placeable(
      sites.map(({ cluster }) => cluster),
      pod,
    );
  const draws = random('sessions');
  const lengthMs = (): number => {
    const minutes = demand.medianMinutes * Math.exp(demand.sigma * normal(draws));
    return Math.min(minutes, demand.maxMinutes) * minuteMs;
  };
  const samples = Array.from({ length: 2_000 }, lengthMs);
  const meanMs = samples.reduce((a, b) => a + b, 0) / samples.length;
  const [least, most] = demand.burst;
  const betweenBurstsMs = (((least + most) / 2) * meanMs) / wanted;
  const ranks = shuffled(draws, sites.length);
  const weights = zipf(sites.length, demand.skew);
  const apps: App[] = [];
  const begin = (home: number, atMs: number, ms: number): void => {
    const fromMs = Math.round(Math.max(0, atMs));
    const toMs = Math.round(atMs + ms);
    if (fromMs >= durationMs || toMs <= fromMs) return;
    const end = toMs < durationMs ? [{ atMs: toMs, replicas: 0 }] : [];
    const steps = [{ atMs: fromMs, replicas: 1 }, ...end];
    apps.push({ name: `s${index}-${apps.length}`, pod, homes: [home], steps });
  };
  // Bursts since long enough ago that the trial starts with as many sessions as it goes on with.
  const sinceMs = -demand.maxMinutes * minuteMs;
  for (let atMs = sinceMs; atMs < durationMs; atMs += betweenBurstsMs * 2 * draws.unit()) {
    const [rank = 0] = draw(draws, weights, 1);
    const home = ranks[rank] ?? 0;
    for (let i = between(draws, demand.burst); i > 0; i--) {
      begin(home, atMs + draws.unit() * demand.burstWithinS * 1_000, lengthMs());
    }
  }
  return apps;
}
