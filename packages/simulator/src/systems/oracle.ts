/**
 * Every node of every cluster under one scheduler that loses no time. A federation can be better only by
 * luck, since scheduling one pod after another is a heuristic for every scheduler.
 */
import { KubeScheduler } from '../cluster/kube-scheduler.ts';
import type { World } from '../world.ts';
import { type SimulatedSystem, templateOf } from './system.ts';

export function startOracle(world: World): SimulatedSystem {
  const { api, deployments } = world.cluster(0);
  KubeScheduler.start(api, world.time, {
    watchMs: 0,
    decisionMs: 0,
    bindMs: 0,
    backoffMsMax: 0,
  });
  return {
    scale(app, replicas) {
      for (const home of app.homes) {
        const template = templateOf(world, app, { home });
        deployments.scale(`${app.name}-at-${home}`, template, replicas);
      }
    },
  };
}
