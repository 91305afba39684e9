/** What a simulated system does for an app; the world plays everything else. */
import type { PodTemplate } from '../cluster/deployments.ts';
import type { GossipRecord } from '../recording.ts';
import type { App } from '../trial.ts';
import type { World } from '../world.ts';
import { appLabel, homeIndexLabel, trialNamespace } from './objects.ts';

export interface SimulatedSystem {
  /** From now on `replicas` of the app are wanted at each of its homes; 0: it is deleted. */
  scale(app: App, replicas: number): void;
  gossip?(): GossipRecord;
}

export type StartSystem = (world: World) => SimulatedSystem;

export function templateOf(
  world: World,
  app: App,
  options: { readonly schedulerName?: string; readonly home?: number } = {},
): PodTemplate {
  const { schedulerName, home } = options;
  return {
    namespace: trialNamespace,
    labels: {
      [appLabel]: app.name,
      ...(home !== undefined && { [homeIndexLabel]: `${home}` }),
    },
    spec: world.specOf(app.pod, schedulerName),
  };
}
