/** Plays a trial's apps on real clusters as users without a placer above them would: a Deployment at each home. */
import { wellKnown } from '@spillway/core';
import { type App, appLabel, podSpecOf, type Trial, trialNamespace } from '@spillway/simulator';
import { type Cluster, KubeError, type Testbed, waitFor } from '@spillway/testbed';
import { LatestWrites } from './latest-writes.ts';
import { playSteps } from './steps.ts';

export interface DeploymentsDriverOptions {
  readonly testbed: Testbed;
  readonly trial: Trial;
  /** `spillway`, or the cluster's own. */
  readonly schedulerName: string | undefined;
}

const deploymentsPath = `/apis/apps/v1/namespaces/${trialNamespace}/deployments`;
const clearMsMax = 120_000;
const writesAtOnceMax = 16;

export class DeploymentsDriver {
  readonly #options: DeploymentsDriverOptions;
  readonly #writes: LatestWrites<App, number>;

  constructor(options: DeploymentsDriverOptions) {
    this.#options = options;
    this.#writes = new LatestWrites({
      atOnceMax: writesAtOnceMax,
      write: async (app, replicas) => {
        await Promise.all(
          app.homes.map(async (home) => await this.#scale(this.#cluster(home), app, replicas)),
        );
      },
    });
  }

  async start(): Promise<void> {
    await Promise.all(this.#clusters().map(async (cluster) => await makeNamespace(cluster)));
  }

  /** @throws As `playSteps`. */
  async play(signal: AbortSignal): Promise<void> {
    await playSteps(this.#options.trial, { writes: this.#writes, signal });
  }

  /** Everything is deleted and gone. */
  async clear(): Promise<void> {
    // What still was to be written goes too, whether or not it succeeds.
    await this.#writes.settled().catch(() => {});
    await Promise.all(
      this.#clusters().map(async ({ client }) => {
        await waitFor(
          'Deployments deleted',
          () => client.call('DELETE', deploymentsPath, { propagationPolicy: 'Background' }),
          { timeoutMs: clearMsMax },
        );
      }),
    );
    await podsGone(this.#options.testbed);
  }

  #clusters(): readonly Cluster[] {
    const { testbed, trial } = this.#options;
    return trial.clusters.map(({ name }) => testbed.cluster(name));
  }

  #cluster(index: number): Cluster {
    const { testbed, trial } = this.#options;
    return testbed.cluster(trial.clusters[index]?.name ?? '');
  }

  async #scale({ client }: Cluster, app: App, replicas: number): Promise<void> {
    const path = `${deploymentsPath}/${app.name}`;
    if (replicas === 0) {
      await client.call('DELETE', path, { propagationPolicy: 'Background' });
      return;
    }
    const deployment = deploymentOf(app, replicas, this.#options.schedulerName);
    await client.call(
      'PATCH',
      `${path}?fieldManager=bench&force=true`,
      deployment,
      'application/apply-patch+yaml',
    );
  }
}

export function deploymentOf(
  app: App,
  replicas: number,
  schedulerName: string | undefined,
): object {
  const labels = { [appLabel]: app.name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app.name, namespace: trialNamespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpecOf(app.pod, schedulerName) },
    },
  };
}

export async function makeNamespace({ client }: Cluster): Promise<void> {
  try {
    await client.call('POST', '/api/v1/namespaces', { metadata: { name: trialNamespace } });
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 409) throw error;
  }
  await waitFor(
    'the namespace’s service account',
    () => client.get(`/api/v1/namespaces/${trialNamespace}/serviceaccounts/default`),
    { timeoutMs: 15_000 },
  );
}

/** Pods of the trial and guests, in all clusters. */
export async function podsGone(testbed: Testbed): Promise<void> {
  await waitFor(
    'the last run’s pods gone',
    async () => {
      const counts = await Promise.all(
        testbed.clusters.map(async ({ client }) => {
          const { items } = await client.get<{ items: { metadata: Metadata }[] }>('/api/v1/pods');
          return items.filter(({ metadata }) => isOurs(metadata)).length;
        }),
      );
      return counts.every((count) => count === 0) ? true : undefined;
    },
    { timeoutMs: clearMsMax, everyMs: 500 },
  );
}

interface Metadata {
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
}

function isOurs({ namespace, labels }: Metadata): boolean {
  return namespace === trialNamespace || labels?.[wellKnown.homeUidLabel] !== undefined;
}
