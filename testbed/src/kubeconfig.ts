/** Kubeconfigs: written for a test bed's clusters, merged, and read back into clients. */
import { readFileSync } from 'node:fs';
import { Fault } from '@spillway/core';
import { parse, stringify } from 'yaml';
import { KubeClient } from './kube-client.ts';

interface Kubeconfig {
  readonly clusters: readonly {
    readonly name: string;
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly {
    readonly name: string;
    readonly user: {
      readonly token?: string;
      readonly 'client-certificate-data'?: string;
      readonly 'client-key-data'?: string;
    };
  }[];
  readonly contexts: readonly {
    readonly name: string;
    readonly context: { readonly cluster: string; readonly user: string };
  }[];
  readonly 'current-context': string;
}

export interface Access {
  /** Of the context and of the cluster in it. */
  readonly name: string;
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly user: string;
  readonly credentials:
    | { readonly token: string }
    /** PEM. */
    | { readonly certificate: string; readonly key: string };
}

export function kubeconfigText({ name, server, ca, user, credentials }: Access): string {
  const userName = `${user}@${name}`;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: userName,
        user:
          'token' in credentials
            ? credentials
            : {
                'client-certificate-data': base64(credentials.certificate),
                'client-key-data': base64(credentials.key),
              },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: userName } }],
  });
}

/** One with all their contexts; the first's is the current one. */
export function mergedKubeconfig(files: readonly string[]): string {
  const configs = files.map((file) => parse(readFileSync(file, 'utf8')) as Kubeconfig);
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': configs[0]?.['current-context'] ?? '',
    clusters: configs.flatMap(({ clusters }) => clusters),
    users: configs.flatMap(({ users }) => users),
    contexts: configs.flatMap(({ contexts }) => contexts),
  });
}

/**
 * What a kubeconfig says of one context, the current one by default. Data in it, no files.
 *
 * @throws Fault `NotFound` when it has no such context.
 */
export function accessIn(text: string, context?: string): Access {
  const config = parse(text) as Kubeconfig;
  const name = context ?? config['current-context'];
  const found = config.contexts.find((each) => each.name === name)?.context;
  const cluster = config.clusters.find((each) => each.name === found?.cluster)?.cluster;
  const user = config.users.find((each) => each.name === found?.user)?.user;
  if (found === undefined || cluster === undefined || user === undefined) {
    throw new Fault('NotFound', `the kubeconfig has no context ${name}`);
  }
  return {
    name,
    server: cluster.server,
    ca: text64(cluster['certificate-authority-data']),
    user: found.user,
    credentials:
      user.token === undefined
        ? {
            certificate: text64(user['client-certificate-data']),
            key: text64(user['client-key-data']),
          }
        : { token: user.token },
  };
}

/** To be closed after use. @throws as `accessIn` */
export function clientOf(text: string, context?: string): KubeClient {
  return new KubeClient(accessIn(text, context));
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function text64(data = ''): string {
  return Buffer.from(data, 'base64').toString();
}
