/** Answers where pods would go now, from what this agent knows: its snapshot and its neighbours' adverts. */
import { type ClusterName, Fault, isFault, type Pod, shapeOf, wellKnown } from '@spillway/core';
import {
  type ForecastQuestion,
  needsOf,
  type NamespaceFacts,
  opensPorts,
  podNetworksJoined,
  travelVerdicts,
} from '@spillway/federation';
import { guestNamespaceName } from '@spillway/kubernetes';
import { z } from 'zod';
import {
  type DryRunAnswer,
  type DryRunQuestion,
  dryRunPodsMax,
  dryRunQuestion,
} from './answers/index.ts';
import type { Asked, Question } from './questions.ts';

type Batch = DryRunAnswer['batches'][number];

/** @throws Fault `InvalidInput`, `InvalidQuantity` */
export function dryRun(asked: Asked, { body }: Question): DryRunAnswer {
  const question = checked(body);
  if (!asked.synced()) throw new Fault('Unavailable', 'the agent’s caches are not whole yet');
  const { home, clock, options } = asked;
  const pods = question.batches.map(({ count, pod: given }, i): ForecastQuestion => {
    const name = given.metadata.namespace ?? 'default';
    const pod = { ...given, metadata: { ...given.metadata, namespace: name, uid: `dry-run-${i}` } };
    const namespace = factsOf(question.namespaces[name]);
    return { pod, count, ...(namespace && { namespace }) };
  });
  for (const { name, pod } of question.batches) requireReadable(name, pod);
  const forecasts = home.forecast(pods, clock.monotonicMs());
  return {
    cluster: options.cluster,
    batches: forecasts.map(({ claim, policyFor, ...each }, i): Batch => {
      const { name = '', count = 0, pod } = question.batches[i] ?? {};
      const namespace = pod?.metadata.namespace ?? 'default';
      const { text, source, problem } = policyFor;
      return {
        name,
        namespace,
        count,
        scheduler: claim === undefined ? 'other' : claim === 'named' ? 'spillway' : 'offered',
        policy: { text, source, ...(problem !== undefined && { problem }) },
        home: [...each.home],
        neighbours: each.neighbours.map(({ rttMs, ...rest }) => ({
          ...rest,
          rttMs: tenths(rttMs),
          endpoint: joined(asked, rest.cluster),
        })),
        opensPorts: pod !== undefined && opensPorts(pod),
        guestNamespace: guestNamespaceName(options.cluster, namespace),
        needs: pod === undefined ? [] : needsText(pod.spec),
        nowhere: each.nowhere,
        whyNotHome: [...each.homeRefusals],
        stays: [...each.stays],
        others: each.others.map((other) => ({ ...other, rttMs: tenths(other.rttMs) })),
      };
    }),
  };
}

function checked(body: unknown): DryRunQuestion {
  const result = dryRunQuestion.safeParse(body);
  if (!result.success) throw new Fault('InvalidInput', `dry-run: ${z.prettifyError(result.error)}`);
  const pods = result.data.batches.reduce((sum, { count }) => sum + count, 0);
  if (pods > dryRunPodsMax)
    throw new Fault('InvalidInput', `dry-run: ${pods} pods, more than ${dryRunPodsMax}`);
  return result.data;
}

/** What no API server has seen may have any form. @throws Fault `InvalidInput` naming it. */
function requireReadable(name: string, pod: Pod): void {
  try {
    shapeOf(pod);
    needsOf(pod.spec);
    travelVerdicts(pod);
  } catch (error) {
    if (isFault(error)) throw new Fault(error.code, `${name}: ${error.message}`, { cause: error });
    const { message } = error as Error;
    const problem = `${name}: its pods are not as Kubernetes describes them (${message})`;
    throw new Fault('InvalidInput', problem, { cause: error });
  }
}

/** Of a namespace that comes with the pods. */
function factsOf(
  given: DryRunQuestion['namespaces'][string] | undefined,
): NamespaceFacts | undefined {
  if (given === undefined) return undefined;
  const { labels, annotations } = given;
  return { offload: labels[wellKnown.offloadLabel] === 'enabled', annotations };
}

function joined({ mesh, neighbours }: Asked, cluster: ClusterName): boolean {
  const { attributes } = neighbours.neighbour(cluster) ?? {};
  return podNetworksJoined(mesh.member.attributes, attributes) ?? false;
}

function needsText(spec: Parameters<typeof needsOf>[0]): string[] {
  const { configMaps, secrets } = needsOf(spec);
  return [
    ...configMaps.map((name) => `ConfigMap ${name}`),
    ...secrets.map((name) => `Secret ${name}`),
  ];
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
