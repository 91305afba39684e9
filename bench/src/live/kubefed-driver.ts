/** Plays a trial on real KubeFed: its user, who writes to the host cluster and to no other. */
import { Fault } from '@spillway/core';
import { type App, type Trial, trialNamespace } from '@spillway/simulator';
import { type Cluster, type KubeFed, KubeError, waitFor } from '@spillway/testbed';
import { stringify } from 'yaml';
import {
  federatedDeployment,
  federatedNamespace,
  type KubeFedVariant,
  overridesOf,
  schedulingPreference,
  totalReplicas,
} from './kubefed-objects.ts';
import { LatestWrites } from './latest-writes.ts';
import { playSteps } from './steps.ts';

const deployments = `/apis/types.kubefed.io/v1beta1/namespaces/${trialNamespace}/federateddeployments`;
const preferences = `/apis/scheduling.kubefed.io/v1alpha1/namespaces/${trialNamespace}/replicaschedulingpreferences`;
const memberDeployments = `/apis/apps/v1/namespaces/${trialNamespace}/deployments`;
const mergePatch = 'application/merge-patch+json';
/** More than KubeFed can use: it syncs ten objects at once. */
const writesAtOnceMax = 16;
/** Caches are polled every 20 s, and the namespace is made first. */
const startMsMax = 120_000;
/** KubeFed looks every 10 s whether what it deletes has gone. */
const deletedMsMax = 120_000;

/** Nothing of it ever runs. */
const warmUp: App = {
  name: 'kubefed-warm-up',
  pod: { milliCpu: 1, memoryMib: 1, milliGpu: 0 },
  homes: [],
  steps: [],
};

export interface KubeFedDriverOptions {
  readonly kubefed: KubeFed;
  /** Of clusters that are all members of `kubefed`, by name. */
  readonly trial: Trial;
  readonly variant: KubeFedVariant;
}

export class KubeFedDriver {
  readonly #options: KubeFedDriverOptions;
  readonly #members: readonly Cluster[];
  /** Apps that exist. */
  readonly #created = new Set<App>();
  readonly #writes: LatestWrites<App, number>;

  /** @throws Fault `InvalidInput` when the trial has a cluster that is no member. */
  constructor(options: KubeFedDriverOptions) {
    this.#options = options;
    this.#members = options.trial.clusters.map(({ name }) => {
      const member = options.kubefed.members.find((each) => each.name === name);
      if (member === undefined) {
        throw new Fault(
          'InvalidInput',
          `${options.trial.scenario}: ${name} is no member of KubeFed`,
        );
      }
      return member;
    });
    this.#writes = new LatestWrites({
      atOnceMax: writesAtOnceMax,
      write: (app, replicas) => this.#scale(app, replicas),
    });
  }

  /**
   * Resolves when pods can be created in the trial's namespace in every cluster. Before that, one
   * FederatedDeployment with its preference has gone all the way: KubeFed polls its caches every 10 and 20 s
   * at first. That is no part of a trial.
   */
  async start(): Promise<void> {
    const { trial, kubefed } = this.#options;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: trialNamespace } };
    await kubefed.host.apply(
      `${stringify(namespace)}---\n${stringify(federatedNamespace(trial.clusters))}`,
    );
    await this.#everywhere(`/api/v1/namespaces/${trialNamespace}/serviceaccounts/default`);
    // Without a home it is placed nowhere at first, and everywhere, with 0 replicas, by the planner.
    const asked = {
      app: warmUp,
      replicas: 0,
      clusters: trial.clusters,
      variant: 'kubefed-static',
    } as const;
    await this.#post(deployments, federatedDeployment(asked));
    await this.#post(preferences, schedulingPreference(asked));
    await this.#everywhere(`${memberDeployments}/${warmUp.name}`);
    await this.#client.call('DELETE', `${preferences}/${warmUp.name}`);
    await this.#client.call('DELETE', `${deployments}/${warmUp.name}`);
  }

  async #everywhere(path: string): Promise<void> {
    await Promise.all(
      this.#members.map(({ name, client }) =>
        waitFor(`${name}: KubeFed makes ${path}`, () => client.get(path), {
          timeoutMs: startMsMax,
          hopeless: () => this.#ended(),
        }),
      ),
    );
  }

  /**
   * The trial's clock starts now; resolves when its duration has passed.
   *
   * @throws `signal`'s reason; what the API server refused; Fault `Unavailable` when KubeFed has ended.
   */
  async play(signal: AbortSignal): Promise<void> {
    await playSteps(this.#options.trial, {
      writes: this.#writes,
      signal,
      check: () => this.#throwIfEnded(),
    });
  }

  /** Deletes every app and waits until nothing of them is left in any cluster. The namespace stays. */
  async clear(): Promise<void> {
    const { host } = this.#options.kubefed;
    // What still was to be written goes too, whether or not it succeeds.
    await this.#writes.settled().catch(() => {});
    await host.client.call('DELETE', preferences);
    await host.client.call('DELETE', deployments);
    this.#created.clear();
    await Promise.all([
      gone(host, deployments),
      gone(host, preferences),
      ...this.#members.flatMap((member) => [
        gone(member, memberDeployments),
        gone(member, `/apis/apps/v1/namespaces/${trialNamespace}/replicasets`),
        gone(member, `/api/v1/namespaces/${trialNamespace}/pods`),
      ]),
    ]);
  }

  async #scale(app: App, replicas: number): Promise<void> {
    if (replicas === 0) await this.#delete(app);
    else if (this.#created.has(app)) await this.#update(app, replicas);
    else await this.#create(app, replicas);
  }

  async #create(app: App, replicas: number): Promise<void> {
    const asked = this.#asked(app, replicas);
    await this.#post(deployments, federatedDeployment(asked));
    if (this.#planned) await this.#post(preferences, schedulingPreference(asked));
    this.#created.add(app);
  }

  /** One of the same name that is being deleted is waited for. */
  async #post(path: string, object: object): Promise<void> {
    let refused: KubeError | undefined;
    await waitFor(
      `${path}: its predecessor gone`,
      async () => {
        try {
          await this.#client.call('POST', path, object);
        } catch (error) {
          if (!(error instanceof KubeError) || error.status === 409) throw error;
          refused = error;
        }
        return true;
      },
      { timeoutMs: deletedMsMax, everyMs: 500 },
    );
    if (refused !== undefined) throw refused;
  }

  async #update(app: App, replicas: number): Promise<void> {
    const asked = this.#asked(app, replicas);
    const [path, spec] = this.#planned
      ? [preferences, { totalReplicas: totalReplicas(asked) }]
      : [deployments, { overrides: overridesOf(asked) }];
    await this.#client.call('PATCH', `${path}/${app.name}`, { spec }, mergePatch);
  }

  /** The preference first: else KubeFed would plan for what is on its way out. */
  async #delete(app: App): Promise<void> {
    if (!this.#created.delete(app)) return;
    if (this.#planned) await this.#client.call('DELETE', `${preferences}/${app.name}`);
    await this.#client.call('DELETE', `${deployments}/${app.name}`);
  }

  #asked(app: App, replicas: number) {
    const { trial, variant } = this.#options;
    return { app, replicas, clusters: trial.clusters, variant };
  }

  get #planned(): boolean {
    return this.#options.variant !== 'kubefed-static';
  }

  get #client() {
    return this.#options.kubefed.host.client;
  }

  #ended(): Fault | undefined {
    const { pid, log } = this.#options.kubefed;
    return pid === undefined
      ? new Fault('Unavailable', `KubeFed has ended; its log: ${log}`)
      : undefined;
  }

  #throwIfEnded(): void {
    const ended = this.#ended();
    if (ended !== undefined) throw ended;
  }
}

async function gone({ name, client }: Cluster, path: string): Promise<void> {
  await waitFor(
    `${name}: nothing left at ${path}`,
    async () => {
      const { items } = await client.get<{ readonly items: readonly unknown[] }>(path);
      return items.length === 0 ? true : undefined;
    },
    { timeoutMs: deletedMsMax, everyMs: 250 },
  );
}
