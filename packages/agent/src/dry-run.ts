/** Answers where pods would go now, from what this agent knows: its snapshot and its neighbours' adverts. */
import { Fault, type Pod, wellKnown } from '@spillway/core';
import {
  type Claim,
  claimOf,
  type Forecast,
  forecast,
  type NamespaceFacts,
} from '@spillway/federation';
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
  const { home, policies, ledger, neighbours, options } = asked;
  const batches = question.batches.map(({ name, count, pod: given }, i) => {
    const namespace = given.metadata.namespace ?? 'default';
    const pod = { ...given, metadata: { ...given.metadata, namespace, uid: `dry-run-${i}` } };
    const facts = factsOf(namespace, question, home.namespaces());
    const said = policies.policyFor(pod, facts.annotations);
    const { policy, source } = said;
    return { name, namespace, count, pod, policy, source, claim: claimed(pod, facts), said };
  });
  const asks = batches.map((batch) =>
    batch.said.problem === undefined ? batch : { ...batch, claim: undefined },
  );
  const forecasts = forecast(asks, {
    snapshot: ledger.snapshot,
    neighbours: neighbours.neighbours(),
    placed: home.counts().awayByHost,
  });
  return {
    cluster: options.cluster,
    batches: forecasts.map((each, i): Batch => {
      const { name = '', namespace = '', count = 0, claim, said } = batches[i] ?? {};
      return {
        name,
        namespace,
        count,
        scheduler: claim === undefined ? 'other' : claim === 'named' ? 'spillway' : 'offered',
        policy: {
          text: said?.text ?? '',
          source: said?.source ?? '',
          ...(said?.problem !== undefined && { problem: said.problem }),
        },
        home: [...each.home],
        neighbours: each.neighbours.map(({ rttMs, ...rest }) => ({
          ...rest,
          rttMs: tenths(rttMs),
        })),
        nowhere: each.nowhere,
        whyNotHome: [...each.homeRefusals],
        stays: [...each.stays],
        others: each.others.map((other) => ({
          cluster: other.cluster,
          rttMs: tenths(other.rttMs),
          fits: other.fits,
          why: whyNot(other, each, { claim, problem: said?.problem }),
        })),
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

/** As the pod would be claimed once the cluster's own scheduler had found no room for it. */
function claimed(pod: Pod, { offload }: NamespaceFacts): Claim | undefined {
  const unschedulable = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
  return claimOf({ ...pod, status: { phase: 'Pending', conditions: [unschedulable] } }, offload);
}

function factsOf(
  namespace: string,
  { namespaces }: DryRunQuestion,
  known: ReadonlyMap<string, NamespaceFacts>,
): NamespaceFacts {
  const given = namespaces[namespace];
  if (given === undefined) return known.get(namespace) ?? { offload: false, annotations: {} };
  return {
    offload: given.labels[wellKnown.offloadLabel] === 'enabled',
    annotations: given.annotations,
  };
}

function whyNot(
  other: Forecast['others'][number],
  { neighbours, nowhere, stays }: Forecast,
  { claim, problem }: { readonly claim: Claim | undefined; readonly problem: string | undefined },
): string {
  if (problem !== undefined) return 'not asked: the policy can’t be read';
  if (other.verdict !== undefined) return other.verdict.reason;
  if (claim === undefined) return 'not asked: Spillway leaves these pods alone';
  if (stays.length > 0) return 'not asked: these pods must stay';
  if (neighbours.some(({ cluster }) => cluster === other.cluster)) return 'takes some';
  return nowhere > 0 ? 'not asked' : 'not needed';
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
