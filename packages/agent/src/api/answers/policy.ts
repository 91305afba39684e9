/** Which policy is in force where, and where it comes from: `GET /v1/policy[?namespace=…[&pod=…]]`. */
import { z } from 'zod';

export const policyEntry = z.object({
  scope: z.enum(['federation', 'namespace', 'offloadPolicy', 'pod']),
  namespace: z.string().optional(),
  pod: z.string().optional(),
  offloadPolicy: z.string().optional().describe('for the pods that it selects'),
  offload: z
    .boolean()
    .describe('pods that the cluster’s own scheduler finds no room for may leave'),
  policy: z.string(),
  source: z.string(),
  problem: z.string().optional().describe('why it can’t be read; its pods wait until it is mended'),
});
export const policyAnswer = z.array(policyEntry);
export type PolicyEntry = z.infer<typeof policyEntry>;
