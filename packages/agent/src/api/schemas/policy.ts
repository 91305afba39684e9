/** Which policy is in force where, and where it comes from: `GET /v1/policy[?namespace=…[&pod=…]]`. */
import { z } from 'zod';

export const policyEntry = z.object({
  scope: z.enum(['federation', 'namespace', 'offloadPolicy', 'pod']),
  namespace: z.string().optional(),
  pod: z.string().optional(),
  offloadPolicy: z.string().optional().describe('for the pods that it selects'),
  offload: z
    .boolean()
    .describe('whether pods may leave for which the cluster’s own scheduler finds no room'),
  policy: z.string(),
  source: z.string(),
  problem: z
    .string()
    .optional()
    .describe('why it cannot be parsed; its pods wait until it is fixed'),
});
export const policyResponse = z.array(policyEntry);
export type PolicyEntry = z.infer<typeof policyEntry>;
