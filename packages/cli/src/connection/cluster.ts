/** The user's own cluster: kubeconfig and context as kubectl would choose them. Loads client-node when needed. */
import type { KubeConfig } from '@kubernetes/client-node';
import { Fault } from '@spillway/core';
import type { ApiClient } from '@spillway/kubernetes';

export interface ClusterChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
}

export interface UserCluster {
  readonly config: KubeConfig;
  readonly api: ApiClient;
  readonly context: string;
  readonly server: string;
  /** Of the context; `default` where it names none. */
  readonly namespace: string;
}

/** @throws Fault `InvalidConfig` when there is no kubeconfig, or it has no such context. */
export async function userCluster(choice: ClusterChoice): Promise<UserCluster> {
  const [{ KubeConfig }, { ApiClient }] = await Promise.all([
    import('@kubernetes/client-node'),
    import('@spillway/kubernetes'),
  ]);
  const config = new KubeConfig();
  const where = choice.kubeconfig ?? (process.env['KUBECONFIG'] || '~/.kube/config');
  try {
    if (choice.kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(choice.kubeconfig);
  } catch (error) {
    throw new Fault('InvalidConfig', `kubeconfig ${where}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // client-node invents a cluster at localhost:8080 where it finds nothing.
  if (config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new Fault(
      'InvalidConfig',
      `there is no kubeconfig at ${where}: give one with --kubeconfig FILE or KUBECONFIG, or give an agent with --agent URL`,
    );
  }
  const contexts = config.getContexts().map(({ name }) => name);
  const known = contexts.join(', ') || 'none';
  if (choice.context !== undefined) {
    if (!contexts.includes(choice.context))
      throw new Fault(
        'InvalidConfig',
        `kubeconfig ${where} has no context ${choice.context}; it has ${known}`,
      );
    config.setCurrentContext(choice.context);
  }
  const cluster = config.getCurrentCluster();
  if (!cluster?.server) {
    throw new Fault(
      'InvalidConfig',
      `kubeconfig ${where} has no current context: choose one with --context; it has ${known}`,
    );
  }
  if (!URL.canParse(cluster.server)) {
    throw new Fault(
      'InvalidConfig',
      `kubeconfig ${where}: server ${cluster.server} of cluster ${cluster.name} is not a URL`,
    );
  }
  const context = config.getCurrentContext();
  return {
    config,
    api: new ApiClient({ config }),
    context,
    server: cluster.server,
    namespace: config.getContextObject(context)?.namespace ?? 'default',
  };
}

/** Where the agent is named by its address, a kubeconfig helps and is not required. */
export async function clusterIfAny(choice: ClusterChoice): Promise<UserCluster | undefined> {
  try {
    return await userCluster(choice);
  } catch {
    return undefined;
  }
}
