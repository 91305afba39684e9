/** Where pods that do not exist yet would go now: `POST /v1/dry-run`. */
import type { PersistentVolumeClaim, Pod } from '@spillway/core';
import { z } from 'zod';
import { verdict } from './explanation.ts';

/** Maximum number of pods in one request; each replica of a Deployment counts. */
export const dryRunPodsMax = 10_000;
const batchesMax = 500;
const claimsMax = 500;

export const dryRunRequest = z.strictObject({
  batches: z
    .array(
      z.strictObject({
        name: z.string().max(500).describe('deployment/web'),
        count: z.number().int().min(0).max(dryRunPodsMax),
        pod: z.custom<Pod>(
          (value) => {
            const { metadata, spec } = (value ?? {}) as Partial<Pod>;
            return typeof metadata === 'object' && Array.isArray(spec?.containers);
          },
          { message: 'expected a pod with metadata and spec.containers' },
        ),
      }),
    )
    .max(batchesMax),
  claims: z
    .array(
      z.custom<PersistentVolumeClaim>(
        (value) => typeof (value as Partial<PersistentVolumeClaim> | null)?.metadata === 'object',
        { message: 'expected a PersistentVolumeClaim with metadata' },
      ),
    )
    .max(claimsMax)
    .default([])
    .describe('PersistentVolumeClaims that come with the pods. Those that exist count as they are'),
  ask: z
    .boolean()
    .default(false)
    .describe('whether to ask each neighbour that would get pods to try one of them'),
  namespaces: z
    .record(
      z.string(),
      z.strictObject({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()),
      }),
    )
    .describe('namespaces that come with the pods, and win over existing ones'),
});
export type DryRunRequest = z.infer<typeof dryRunRequest>;

const place = z.object({ count: z.number().int() });

export const dryRunResponse = z.object({
  cluster: z.string().describe('the home'),
  batches: z.array(
    z.object({
      name: z.string(),
      namespace: z.string(),
      count: z.number().int(),
      scheduler: z
        .enum(['spillway', 'offered', 'other'])
        .describe(
          'spillway: it places them at home and away; offered: what the cluster’s own scheduler finds no room for may leave; other: Spillway leaves them alone',
        ),
      policy: z.object({ text: z.string(), source: z.string(), problem: z.string().optional() }),
      home: z.array(place.extend({ node: z.string() })),
      preempting: z
        .array(
          place.extend({
            node: z.string(),
            victims: z.array(z.object({ namespace: z.string(), name: z.string() })),
          }),
        )
        .default([])
        .describe('at home, once pods of lower priority (victims) have ended for them'),
      neighbours: z.array(
        place.extend({
          cluster: z.string(),
          rttMs: z.number(),
          endpoint: z
            .boolean()
            .default(false)
            .describe('whether Services of the home list them there: both pod networks are joined'),
          agrees: z
            .boolean()
            .optional()
            .describe(
              'true: it was asked, has tried one of them, and would take it; absent: it was not asked',
            ),
          dropped: z.array(z.string()).describe('what it would leave out of them'),
        }),
      ),
      opensPorts: z.boolean().default(false).describe('whether their containers declare ports'),
      guestNamespace: z.string().describe('namespace that they would have at a neighbour'),
      needs: z
        .array(z.string())
        .describe('ConfigMaps and Secrets that a neighbour must have in that namespace'),
      nowhere: z.number().int().describe('number of pods without room'),
      whyNotHome: z.array(verdict).describe('nodes by reason; empty when all fit at home'),
      stays: z.array(verdict).describe('why they must not leave their home'),
      others: z
        .array(
          z.object({
            cluster: z.string(),
            rttMs: z.number(),
            fits: z.number().int().describe('how many more pods it has room for after these'),
            why: z.string().describe('the reason against it, or why it was not needed'),
          }),
        )
        .describe('every neighbour, best first'),
    }),
  ),
});
export type DryRunResponse = z.infer<typeof dryRunResponse>;
