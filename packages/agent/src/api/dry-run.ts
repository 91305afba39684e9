/**
 * Answers where pods would go now, from what this agent knows: its snapshot, its neighbours' adverts, and what
 * they have answered lately; if wished, by asking them.
 */
import { type ClusterName, Fault, wellKnown } from '@spillway/core';
import {
  type ForecastQuestion,
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
  type DryRunAnswer,
  type DryRunQuestion,
  dryRunPodsMax,
  dryRunQuestion,
} from './answers/index.ts';
import type { Asked, Question } from './questions.ts';
import { type Rehearsed, rehearse } from './rehearsal.ts';

type Batch = DryRunAnswer['batches'][number];

/** Of one question. Beyond, neighbours are judged by their adverts. */
const rehearsalsMax = 64;
const rehearsalsAtOnce = 8;

/** @throws Fault `InvalidInput`, `InvalidQuantity` */
export async function dryRun(asked: Asked, { body }: Question): Promise<DryRunAnswer> {
  const question = checked(body);
  if (!asked.synced()) throw new Fault('Unavailable', 'the agent’s caches are not synced yet');
  const { options } = asked;
  const pods = question.batches.map(({ count, pod: given }, i): ForecastQuestion => {
    const name = given.metadata.namespace ?? 'default';
    const pod = { ...given, metadata: { ...given.metadata, namespace: name, uid: `dry-run-${i}` } };
    const namespace = factsOf(question.namespaces[name]);
    return { pod, count, ...(namespace && { namespace }) };
  });
  for (const { name, pod } of question.batches) requireReadable(name, pod);
  const { forecasts, answers } = await foreseen(asked, pods, question);
  return {
    cluster: options.cluster,
    batches: forecasts.map(({ eligibility, policyFor, ...each }, i): Batch => {
      const { name = '', count = 0, pod } = question.batches[i] ?? {};
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
          const endpoint = joined(asked, cluster);
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
  { home, clock, mesh, epoch: homeEpoch, log }: Asked,
  questions: readonly ForecastQuestion[],
  { ask, claims }: Pick<DryRunQuestion, 'ask' | 'claims'>,
): Promise<{
  readonly forecasts: readonly Foreseen[];
  readonly answers: readonly ReadonlyMap<ClusterName, Rehearsed>[];
}> {
  const answers = questions.map(() => new Map<ClusterName, Rehearsed>());
  const limit = pLimit(rehearsalsAtOnce);
  let left = ask ? rehearsalsMax : 0;
  for (;;) {
    const known = questions.map((question, i) => ({ ...question, refused: refusedIn(answers[i]) }));
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
          const pod = questions[i]?.pod;
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

function checked(body: unknown): DryRunQuestion {
  const result = dryRunQuestion.safeParse(body);
  if (!result.success) throw new Fault('InvalidInput', `dry-run: ${z.prettifyError(result.error)}`);
  const pods = result.data.batches.reduce((sum, { count }) => sum + count, 0);
  if (pods > dryRunPodsMax)
    throw new Fault('InvalidInput', `dry-run: ${pods} pods, more than ${dryRunPodsMax}`);
  return result.data;
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
