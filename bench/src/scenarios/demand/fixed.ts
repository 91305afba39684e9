/** An app as the scenario has it, its replicas times the load. */
import { Fault } from '@spillway/core';
import type { App } from '@spillway/simulator';
import { askOf } from '../room.ts';
import type { DemandOf } from '../schema.ts';
import type { DemandContext } from '../trial-of.ts';

export function fixedApps(
  { name, pod, at, replicas, fromS, toS }: DemandOf<'fixed'>,
  { sites, load, durationMs }: DemandContext,
): readonly App[] {
  const homes = at.map((cluster) => {
    const index = sites.findIndex((site) => site.cluster.name === cluster);
    if (index < 0) throw new Fault('InvalidInput', `${name}: there is no cluster ${cluster}`);
    return index;
  });
  const end =
    toS === undefined || toS * 1_000 >= durationMs ? [] : [{ atMs: toS * 1_000, replicas: 0 }];
  const begin = { atMs: fromS * 1_000, replicas: Math.max(1, Math.round(replicas * load)) };
  return [{ name, pod: askOf(pod), homes, steps: [begin, ...end] }];
}
