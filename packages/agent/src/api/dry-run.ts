/**
 * Answers where pods would go now. It uses what this agent knows: its snapshot, the adverts of its
 * neighbours, and their last answers. If the request wants it, the agent also asks the neighbours.
 */
import { type ClusterName, Fault, wellKnown } from '@spillway/core';
import {
  type ForecastRequest,
  type Foreseen,
  needsOf,
  type NamespaceFacts,
  opensPorts,
  podNetworksJoined,
  requireReadable,
} from '@spillway/federation';
import { guestNamespaceName } from '@spillway/kubernetes';
import pLimit from 'p-limit';
import { z } from 'zod';
import {
  type DryRunResponse,
  type DryRunRequest,
  dryRunPodsMax,
  dryRunRequest,
} from './schemas/index.ts';
import type { ApiRequest } from './api-request.ts';
import type { AgentContext } from './agent-context.ts';
import { type Rehearsed, rehearse } from './rehearsal.ts';

type Batch = DryRunResponse['batches'][number];

/** Maximum number of rehearsals for one request. Further neighbours are evaluated by their adverts alone. */
const rehearsalsMax = 64;
const rehearsalsAtOnce = 8;

/** @throws Fault `InvalidInput`, `InvalidQuantity` */
export async function dryRun(agent: AgentContext, { body }: ApiRequest): Promise<DryRunResponse> {
  const request = checked(body);
  if (!agent.synced()) throw new Fault('Unavailable', 'the agent’s caches are not synced yet');
  const { options } = agent;
  const pods = request.batches.map(({ count, pod: given }, i): ForecastRequest => {
    const name = given.metadata.namespace ?? 'default';
    const pod = { ...given, metadata: { ...given.metadata, namespace: name, uid: `dry-run-${i}` } };
    const namespace = factsOf(request.namespaces[name]);
    return { pod, count, ...(namespace && { namespace }) };
  });
  for (const { name, pod } of request.batches) requireReadable(name, pod);
  const { forecasts, answers } = await foreseen(agent, pods, request);
  return {
    cluster: options.cluster,
    batches: forecasts.map(({ eligibility, policyFor, ...each }, i): Batch => {
      const { name = '', count = 0, pod } = request.batches[i] ?? {};
      const namespace = pod?.metadata.namespace ?? 'default';
      const { text, source, problem } = policyFor;
      return {
        name,
        namespace,
        count,
        scheduler:
          eligibility === undefined ? 'other' : eligibility === 'named' ? 'spillway' : 'offered',
        policy: { text, source, ...(problem !== undefined && { problem }) },
        home: [...each.home],
        preempting: each.preempting.map((preempted) => ({
          ...preempted,
          victims: [...preempted.victims],
        })),
        neighbours: each.neighbours.map(({ cluster, count: there, rttMs }) => {
          const said = answers[i]?.get(cluster);
          const dropped = said?.outcome === 'agrees' ? [...said.dropped] : [];
          const endpoint = joined(agent, cluster);
          return {
            cluster,
            count: there,
            rttMs: tenths(rttMs),
            endpoint,
            ...(said?.outcome === 'agrees' && { agrees: true }),
            dropped,
          };
        }),
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

/** What is known; with `ask`, again and again until every neighbour that would get some has agreed. */
async function foreseen(
  { home, clock, mesh, epoch: homeEpoch, log }: AgentContext,
  requests: readonly ForecastRequest[],
  { ask, claims }: Pick<DryRunRequest, 'ask' | 'claims'>,
): Promise<{
  readonly forecasts: readonly Foreseen[];
  readonly answers: readonly ReadonlyMap<ClusterName, Rehearsed>[];
}> {
  const answers = requests.map(() => new Map<ClusterName, Rehearsed>());
  const limit = pLimit(rehearsalsAtOnce);
  let left = ask ? rehearsalsMax : 0;
  for (;;) {
    const known = requests.map((request, i) => ({ ...request, refused: refusedIn(answers[i]) }));
    const forecasts = home.forecast(known, clock.monotonicMs(), claims);
    const open = forecasts.flatMap(({ neighbours, policyFor: { policy } }, i) =>
      neighbours
        .filter(({ cluster }) => answers[i]?.has(cluster) === false)
        .map(({ cluster }) => ({ i, cluster, policy })),
    );
    const asking = open.slice(0, left);
    if (asking.length === 0) return { forecasts, answers };
    left -= asking.length;
    // oxlint-disable-next-line no-await-in-loop -- whom to ask next depends on the answers
    await Promise.all(
      asking.map(({ i, cluster, policy }) =>
        limit(async () => {
          const pod = requests[i]?.pod;
          if (pod === undefined) return;
          const using = { negotiator: mesh.negotiator.bind(mesh), homeEpoch, log };
          answers[i]?.set(cluster, await rehearse(cluster, { pod, policy }, using));
        }),
      ),
    );
  }
}

function refusedIn(
  answers: ReadonlyMap<ClusterName, Rehearsed> | undefined,
): ReadonlyMap<ClusterName, string> {
  const refused = new Map<ClusterName, string>();
  for (const [cluster, answer] of answers ?? [])
    if (answer.outcome === 'refuses') refused.set(cluster, answer.reason);
  return refused;
}

function checked(body: unknown): DryRunRequest {
  const result = dryRunRequest.safeParse(body);
  if (!result.success) throw new Fault('InvalidInput', `dry-run: ${z.prettifyError(result.error)}`);
  const pods = result.data.batches.reduce((sum, { count }) => sum + count, 0);
  if (pods > dryRunPodsMax)
    throw new Fault('InvalidInput', `dry-run: ${pods} pods, more than ${dryRunPodsMax}`);
  return result.data;
}

/** Of a namespace that comes with the pods. */
function factsOf(
  given: DryRunRequest['namespaces'][string] | undefined,
): NamespaceFacts | undefined {
  if (given === undefined) return undefined;
  const { labels, annotations } = given;
  return { offload: labels[wellKnown.offloadLabel] === 'enabled', annotations };
}

function joined({ mesh, neighbours }: AgentContext, cluster: ClusterName): boolean {
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
