/** Each cluster alone, as Kubernetes comes. */
import { KubeScheduler } from '../cluster/kube-scheduler.ts';
import { timing, type World } from '../world.ts';
import { type SimulatedSystem, templateOf } from './system.ts';

export function startIsolated(world: World): SimulatedSystem {
  for (const { api } of world.clusters) KubeScheduler.start(api, world.time, timing.scheduler);
  return {
    scale(app, replicas) {
      const template = templateOf(world, app);
      for (const home of app.homes) {
        world.cluster(home).deployments.scale(app.name, template, replicas);
      }
    },
  };
}
