/** Who the neighbours are: `GET /v1/neighbours`. */
import { z } from 'zod';
import { counts } from './status.ts';

const amounts = z.object({ milliCpu: z.number(), memoryBytes: z.number() });

export const neighbourRow = z.object({
  cluster: z.string(),
  liveness: z.enum(['alive', 'suspect', 'gone', 'revoked']),
  cordoned: z
    .boolean()
    .describe('whether its virtual node is cordoned: the cluster sends no new pods there'),
  link: z
    .enum(['direct', 'relayed', 'none'])
    .describe('path of the connection now; none without a connection'),
  via: z.string().optional().describe('the cluster that relays'),
  rttMs: z.number(),
  rttMeasured: z.boolean().describe('false: predicted from coordinates'),
  accepting: z.boolean(),
  guestsFree: z.number().int().describe('how many more guests it accepts'),
  room: counts.describe('how many pods of some common shapes fit there'),
  gpus: counts.describe('free extended resources by name'),
  totals: z.object({ allocatable: amounts, free: amounts }),
  ourPodsThere: z.number().int(),
  theirPodsHere: z.number().int(),
  lastHeardMsAgo: z.number(),
  advertMsAgo: z.number().describe('age of what it says about its room'),
  peer: z.string(),
  addresses: z.array(z.string()),
  attributes: z.record(z.string(), z.string()).describe('signed by the federation’s root'),
  labels: z.record(z.string(), z.string()).describe('set by the neighbour itself'),
});
export const neighboursResponse = z.array(neighbourRow);
export type NeighbourRow = z.infer<typeof neighbourRow>;
