/**
 * What a KubeFed user would write for an app of a trial, made as good for KubeFed as it can be.
 *
 * `kubefed-static`: placed at the homes, with as many replicas at each as are requested there.
 *
 * `kubefed-rsp`, `-rebalance`: a ReplicaSchedulingPreference for the sum, where the homes weigh 1000 and
 * every other cluster 1. So all replicas are requested at home first, and what is unschedulable there goes
 * elsewhere. It has no `minReplicas` at home: the planner gives minimums before it looks at what runs. Each
 * plan made while nothing is pending would pull replicas from elsewhere back to a full home. The
 * FederatedDeployment is created with what the planner is going to write there. This saves KubeFed a round.
 */
import { type App, appLabel, podSpecOf, type Trial, trialNamespace } from '@spillway/simulator';

export const kubeFedVariants = ['kubefed-static', 'kubefed-rsp', 'kubefed-rsp-rebalance'] as const;
export type KubeFedVariant = (typeof kubeFedVariants)[number];

/** As in the model of KubeFed, `packages/simulator`. */
const homeWeight = 1_000;
const otherWeight = 1;

interface Asked {
  readonly app: App;
  /** At each home; 1 or more. */
  readonly replicas: number;
  readonly clusters: Trial['clusters'];
  readonly variant: KubeFedVariant;
}

export function federatedNamespace(clusters: Trial['clusters']): object {
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedNamespace',
    metadata: { name: trialNamespace, namespace: trialNamespace },
    spec: { placement: placementOf(clusters) },
  };
}

export function federatedDeployment(asked: Asked): object {
  const { app, clusters, variant } = asked;
  const labels = { [appLabel]: app.name };
  const homes = clusters.filter((_, i) => app.homes.includes(i));
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedDeployment',
    metadata: { name: app.name, namespace: trialNamespace },
    spec: {
      template: {
        metadata: { labels },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: podSpecOf(app.pod, undefined) },
        },
      },
      placement: placementOf(variant === 'kubefed-static' ? homes : clusters),
      overrides: overridesOf(asked),
    },
  };
}

/** Replicas by cluster. */
export function overridesOf({ app, replicas, clusters, variant }: Asked): readonly object[] {
  return clusters.flatMap(({ name }, i) => {
    const isHome = app.homes.includes(i);
    if (!isHome && variant === 'kubefed-static') return [];
    const value = isHome ? replicas : 0;
    return [{ clusterName: name, clusterOverrides: [{ path: '/spec/replicas', value }] }];
  });
}

export function schedulingPreference(asked: Asked): object {
  const { app, clusters, variant } = asked;
  return {
    apiVersion: 'scheduling.kubefed.io/v1alpha1',
    kind: 'ReplicaSchedulingPreference',
    metadata: { name: app.name, namespace: trialNamespace },
    spec: {
      targetKind: 'FederatedDeployment',
      totalReplicas: totalReplicas(asked),
      rebalance: variant === 'kubefed-rsp-rebalance',
      clusters: Object.fromEntries(
        clusters.map(({ name }, i) => [
          name,
          { weight: app.homes.includes(i) ? homeWeight : otherWeight },
        ]),
      ),
    },
  };
}

export function totalReplicas({ app, replicas }: Pick<Asked, 'app' | 'replicas'>): number {
  return replicas * app.homes.length;
}

function placementOf(clusters: Trial['clusters']): object {
  return { clusters: clusters.map(({ name }) => ({ name })) };
}
