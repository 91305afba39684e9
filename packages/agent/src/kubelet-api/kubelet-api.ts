/** The kubelet's API of an active agent: its server, and what it trusts, which changes while it runs. */
import { readFile } from 'node:fs/promises';
import { type ClusterName, Fault } from '@spillway/core';
import type { PodAway, PodStreamRequest } from '@spillway/federation';
import type { AccessReviews, KubeletEndpoint } from '@spillway/kubernetes';
import type { OpenedStream } from '@spillway/mesh';
import type { AgentOptions } from '../config/options.ts';
import type { Log } from '../reporting/log.ts';
import { every, type Startable } from '../startable.ts';
import { KubeletServer, type Trust } from './kubelet-server.ts';
import { selfSignedCertificate, type ServingCertificate } from './self-signed.ts';

export interface KubeletApiOptions {
  readonly options: Pick<AgentOptions, 'cluster' | 'kubelet' | 'streams'>;
  readonly reviews: AccessReviews;
  readonly log: Log;
  readonly podAway: (namespace: string, name: string) => PodAway | undefined;
  /** @throws Fault while there is no mesh. */
  readonly open: (
    host: ClusterName,
    request: PodStreamRequest,
    signal: AbortSignal,
  ) => Promise<OpenedStream>;
}

/** How often the client CA and the serving certificate are read again (ms), as a kubelet does with its files. */
const rereadMs = 60_000;

export interface KubeletApi extends Startable {
  /** What virtual nodes say. */
  readonly endpoint: KubeletEndpoint;
}

/** Undefined where it is switched off, or can't listen: all else works without. */
export async function startKubeletApi(given: KubeletApiOptions): Promise<KubeletApi | undefined> {
  const { options, reviews, log, podAway, open } = given;
  const { address, port, addressType } = options.kubelet;
  if (address === '') return undefined;
  try {
    const read = trustReader(given);
    const server = new KubeletServer({
      address,
      port,
      streamsMax: options.streams.awayMax,
      trust: await read(),
      reviews,
      podAway,
      open,
      onProblem: (error) => log.error({ err: error }, 'a request of the kubelet’s API failed'),
    });
    await server.start();
    log.info({ address, port: server.port }, 'serves the kubelet’s API for virtual nodes');
    const reread = every(rereadMs, () => {
      read().then(
        (trust) => server.trust(trust),
        (error: unknown) => log.warn({ err: error }, 'the client CA could not be read again'),
      );
    });
    return {
      endpoint: { address, port: server.port, addressType },
      start: () => reread.start?.(),
      stop() {
        reread.stop();
        server.stop();
      },
    };
  } catch (error) {
    log.error({ err: error }, 'kubectl logs and exec of pods that are away do not work');
    return undefined;
  }
}

function trustReader({ options, reviews }: KubeletApiOptions): () => Promise<Trust> {
  const { certificate, key } = options.kubelet.tls;
  const own = selfSignedCertificate(`spillway-agent of ${options.cluster}`, Date.now());
  const serving = async (): Promise<ServingCertificate> => {
    if (certificate === '') return own;
    return { cert: await textOf(certificate), key: await textOf(key) };
  };
  return async () => {
    const [read, clientCa] = await Promise.all([serving(), reviews.clientCa()]);
    return { serving: read, clientCa };
  };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Fault('InvalidConfig', `kubelet.tls: ${(error as Error).message}`, { cause: error });
  }
}
