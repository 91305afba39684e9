/**
 * KubeFed v0.10.0 (Kubernetes Cluster Federation, archived in 2023) on a test bed. The real controller
 * manager is a process beside a host cluster. The real `kubefedctl` joins every other cluster. CRDs and type
 * configurations are those of the chart in KubeFed's own module. Its admission webhook is left out: it only
 * fills in and checks what is written in full here.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '@spillway/core';
import { parseAllDocuments, stringify } from 'yaml';
import { ensureProgram, moduleFolder } from './binaries.ts';
import type { LocalCluster } from './local-cluster.ts';
import { freePorts } from './free-ports.ts';
import { KubeError } from './kube-client.ts';
import type { LocalTestbed } from './local-testbed.ts';
import { waitFor } from './wait-for.ts';

const systemNamespace = 'kube-federation-system';
const systemPath = `/apis/core.kubefed.io/v1beta1/namespaces/${systemNamespace}`;
const lockPath = `/api/v1/namespaces/${systemNamespace}/configmaps/kubefed-controller-manager`;
/** The one of namespaces must be there for any other to work. */
const federatedTypes = ['namespaces', 'deployments.apps'];
const installMsMax = 30_000;
const joinMsMax = 60_000;
/** Members are Ready about 10 s after the start; a machine under load takes longer. */
const readyMsMax = 120_000;
const stopMsMax = 10_000;
const logTailLines = 15;

export interface KubeFed {
  /** Holds KubeFed's own objects; no member. */
  readonly host: LocalCluster;
  /** All other clusters, joined under their names. */
  readonly members: readonly LocalCluster[];
  /** Of the controller manager; undefined when it does not run. */
  readonly pid: number | undefined;
  /** Where the controller manager's output goes. */
  readonly log: string;
  /** Resolves when the controller manager is gone; what it has made stays. */
  stop(): Promise<void>;
}

/**
 * Makes every cluster but `hostCluster` a member, and resolves when all are Ready. The host needs no nodes.
 * The controller manager ends with the test bed at the latest; after `stop` it may be started again.
 *
 * @throws Fault `NotFound` when there is no such cluster, `InvalidConfig` without Go, `Unavailable` with
 *   what KubeFed said last.
 */
export async function startKubeFed(testbed: LocalTestbed, hostCluster: string): Promise<KubeFed> {
  const host = testbed.cluster(hostCluster);
  const members = testbed.clusters.filter((cluster) => cluster !== host);
  const hyperfed = await ensureProgram('hyperfed');
  await install(host);
  await Promise.all(members.map(({ name }) => joinMember(hyperfed, testbed, host.name, name)));
  await freeLock(host);
  const manager = new Manager(join(host.folder, 'kubefed.log'));
  await manager.start(hyperfed, host, testbed);
  try {
    await ready(host, members, manager);
  } catch (error) {
    await manager.stop();
    throw error;
  }
  return {
    host,
    members,
    get pid() {
      return manager.pid;
    },
    log: manager.log,
    stop: () => manager.stop(),
  };
}

/** The chart's CRDs and type configurations, and a KubeFedConfig. */
async function install(host: LocalCluster): Promise<void> {
  const chart = join(moduleFolder('kubefed'), 'charts', 'kubefed');
  for (const folder of [chart, join(chart, 'charts', 'controllermanager')]) {
    await host.apply(readFileSync(join(folder, 'crds', 'crds.yaml'), 'utf8'));
  }
  const types = parseAllDocuments(
    readFileSync(join(chart, 'templates', 'federatedtypeconfig.yaml'), 'utf8'),
  )
    .map((document) => document.toJS() as { readonly metadata: { readonly name: string } } | null)
    .filter((type) => type !== null && federatedTypes.includes(type.metadata.name));
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } };
  await host.apply(stringify(namespace));
  // An API server serves a kind a moment after it took the definition.
  await waitFor(
    'KubeFed’s kinds are served',
    async () => {
      for (const object of [kubeFedConfig, ...types]) {
        await host.apply(stringify(object), systemNamespace);
      }
      return true;
    },
    { timeoutMs: installMsMax },
  );
}

/**
 * The chart's values, except where another serves KubeFed better on a machine that it shares with its
 * members. Its workers do not wait for each other, and its probes and Leases accept a stall. None of these
 * values has an effect on where replicas go. `leases` is refused as a lock, so it is `configmaps`.
 */
const kubeFedConfig = {
  apiVersion: 'core.kubefed.io/v1beta1',
  kind: 'KubeFedConfig',
  metadata: { name: 'kubefed', namespace: systemNamespace },
  spec: {
    scope: 'Cluster',
    controllerDuration: {
      availableDelay: '20s',
      unavailableDelay: '60s',
      cacheSyncTimeout: '5m',
    },
    leaderElect: {
      leaseDuration: '60s',
      renewDeadline: '40s',
      retryPeriod: '5s',
      resourceLock: 'configmaps',
    },
    clusterHealthCheck: {
      period: '10s',
      failureThreshold: 3,
      successThreshold: 1,
      timeout: '10s',
    },
    syncController: { maxConcurrentReconciles: 10, adoptResources: 'Enabled' },
    statusController: { maxConcurrentReconciles: 10 },
    featureGates: [
      { name: 'PushReconciler', configuration: 'Enabled' },
      { name: 'SchedulerPreferences', configuration: 'Enabled' },
      { name: 'RawResourceStatusCollection', configuration: 'Disabled' },
    ],
  },
};

async function joinMember(
  hyperfed: string,
  { kubeconfig }: LocalTestbed,
  host: string,
  member: string,
): Promise<void> {
  const args = [
    'kubefedctl',
    'join',
    member,
    `--cluster-context=${member}`,
    `--host-cluster-context=${host}`,
    `--kubeconfig=${kubeconfig}`,
    `--kubefed-namespace=${systemNamespace}`,
    // One that was joined before is joined again.
    '--error-on-existing=false',
  ];
  try {
    await promisify(execFile)(hyperfed, args, { timeout: joinMsMax });
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    // Its last words are a dump of its stacks.
    const [said = ''] = (stderr ?? '').trim().split('\n');
    throw new Fault('Unavailable', `kubefedctl could not join ${member}: ${said}`, {
      cause: error,
    });
  }
}

/** One that ended does not give its lock back, and the next would wait until it has run out. */
async function freeLock({ client }: LocalCluster): Promise<void> {
  try {
    await client.call('DELETE', lockPath);
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error;
  }
}

class Manager {
  readonly log: string;
  #child: ChildProcess | undefined;

  constructor(log: string) {
    this.log = log;
  }

  get pid(): number | undefined {
    return this.#running ? this.#child?.pid : undefined;
  }

  get #running(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  async start(hyperfed: string, host: LocalCluster, testbed: LocalTestbed): Promise<void> {
    const [healthPort = 0, metricsPort = 0] = await freePorts(2);
    const log = openSync(this.log, 'a');
    const args = [
      'controller-manager',
      `--kubeconfig=${host.kubeconfig}`,
      `--kubefed-namespace=${systemNamespace}`,
      `--healthz-addr=127.0.0.1:${healthPort}`,
      `--metrics-addr=127.0.0.1:${metricsPort}`,
      // To the host. To each member it is 20 a second, which KubeFed leaves no way to change.
      '--rest-config-qps=1000',
      '--rest-config-burst=2000',
    ];
    const child = spawn(hyperfed, args, {
      stdio: ['ignore', log, log],
      detached: true,
      cwd: host.folder,
    });
    closeSync(log);
    child.unref();
    this.#child = child;
    if (child.pid !== undefined) testbed.adopt(child.pid);
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  }

  /** That it has ended, in the words of its log. */
  ended(): Fault | undefined {
    if (this.#running) return undefined;
    const tail = readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-logTailLines);
    return new Fault('Unavailable', `KubeFed has ended; the end of its log:\n${tail.join('\n')}`);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#running) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await gone;
    clearTimeout(timer);
  }
}

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status?: {
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      readonly propagationController?: string;
    };
  }[];
}

/** Every member is Ready, and each type's controllers run. */
async function ready(
  host: LocalCluster,
  members: readonly LocalCluster[],
  manager: Manager,
): Promise<void> {
  await waitFor(
    `all members of KubeFed Ready (${manager.log})`,
    async () => {
      const clusters = await host.client.get<Listed>(`${systemPath}/kubefedclusters`);
      const types = await host.client.get<Listed>(`${systemPath}/federatedtypeconfigs`);
      const readyOnes = clusters.items.filter(({ status }) =>
        status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
      );
      const runs = types.items.every(({ status }) => status?.propagationController === 'Running');
      return readyOnes.length === members.length && runs ? true : undefined;
    },
    { timeoutMs: readyMsMax, hopeless: () => manager.ended() },
  );
}
