/** Why a pod waits, or where it is: `GET /v1/explain?namespace=…&name=…`. */
import { z } from 'zod';

export const verdict = z.object({
  code: z.string(),
  reason: z.string(),
  stage: z.string().describe('of the pipeline'),
  nodes: z.number().int().optional().describe('how many nodes'),
});

const podState = z
  .string()
  .optional()
  .describe('where the pod is in its life, as packages/federation/README.md names it');

export const waitingExplanation = z.object({
  state: z.literal('waiting'),
  podState,
  message: z.string(),
  home: z.array(verdict).describe('the home’s nodes, by reason'),
  neighbours: z.record(z.string(), z.string()).describe('why not, by neighbour'),
  policy: z
    .object({ text: z.string(), source: z.string() })
    .describe('the placement policy in force, and where it comes from'),
});

export const awayExplanation = z.object({
  state: z.literal('away'),
  host: z.string().describe('the neighbour that runs it'),
  guestNamespace: z.string().describe('namespace of the guest, which has the same name'),
  status: z.string().describe('the pod’s phase, or the reason of one that has failed'),
  podState,
  phase: z.enum(['committing', 'away', 'withdrawing', 'ending', 'finished']),
  wasThere: z.boolean().describe('whether the host is known to have created it'),
  joined: z
    .boolean()
    .default(false)
    .describe('whether Services of this cluster list it: both pod networks are joined'),
  leftOut: z
    .array(z.string())
    .default([])
    .describe('what of the pod the host leaves out, as docs/guest-fields.md says'),
  problem: z.string().optional().describe('why the host refuses it, or has ended it, in its words'),
});

export const guestExplanation = z.object({
  state: z.literal('guest'),
  home: z.string().describe('the cluster that it belongs to'),
  homeNamespace: z.string().describe('namespace of the guest, which has the same name'),
  node: z.string().describe('where it runs here'),
  status: z.string().describe('the pod’s phase, or the reason of one that has failed'),
  troubles: z.array(z.string()).describe('why containers do not run'),
});

export const foreignExplanation = z.object({
  state: z
    .literal('foreign')
    .describe('whether something other than Spillway has bound it to a virtual node'),
  host: z.string().describe('the neighbour that the virtual node stands for'),
  message: z.string(),
});

export const explanationResponse = z.discriminatedUnion('state', [
  waitingExplanation,
  awayExplanation,
  guestExplanation,
  foreignExplanation,
]);
export type ExplanationResponse = z.infer<typeof explanationResponse>;
