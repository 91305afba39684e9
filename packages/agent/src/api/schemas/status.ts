/** What an agent says of itself: `GET /v1/status`. */
import { z } from 'zod';

export const counts = z.record(z.string(), z.number().int());

const standby = z.object({
  cluster: z.string(),
  active: z.literal(false).describe('whether another agent of the cluster is active'),
  version: z.string(),
  instance: z.string(),
});

const active = z.object({
  cluster: z.string().describe('name of the cluster in the federation'),
  active: z.literal(true),
  version: z.string().describe('of the agent'),
  instance: z.string().describe('pod of the agent, if it runs in a pod'),
  ready: z.boolean().describe('its caches are synced'),
  epoch: z.number().int().describe('grows with each agent that becomes active'),
  peer: z.string().describe('libp2p peer id'),
  addresses: z.array(z.string()).describe('multiaddrs that other clusters dial'),
  relay: z
    .object({
      serves: z.boolean(),
      waitsAt: z
        .array(z.string())
        .describe('relays through which it is reached, if no cluster can dial it'),
      reservations: z.number().int().describe('members that wait at this relay'),
      circuits: z.number().int().describe('connections of other members that this agent relays'),
    })
    .describe('relaying for members that no cluster can dial'),
  certificateExpiresInMs: z.number().describe('negative when it has expired'),
  revocations: z
    .object({
      count: z.number().int(),
      kept: z.boolean().describe('whether everything that is known would survive this agent'),
      own: z
        .object({ reason: z.string(), revokedAt: z.string() })
        .nullable()
        .describe('why this cluster itself is no longer a member'),
      neighbours: z
        .array(
          z.object({
            cluster: z.string(),
            reason: z.string(),
            revokedAt: z.string().optional(),
          }),
        )
        .describe('that were known here'),
    })
    .describe('what the federation’s root has revoked'),
  nodes: z.number().int(),
  cpu: z.object({ allocatableMilli: z.number(), freeMilli: z.number() }),
  memory: z.object({ allocatableBytes: z.number(), freeBytes: z.number() }),
  waiting: z.number().int().describe('pods that Spillway places and that have no node yet'),
  away: counts.describe('pods of this cluster that are away and have not finished, by neighbour'),
  podStates: counts
    .optional()
    .describe('pods of ours by state, as packages/federation/README.md names them'),
  guests: z.object({
    total: z.number().int(),
    held: z.number().int().describe('slots that are reserved for homes and not committed yet'),
    byHome: counts,
    free: z.number().int().describe('how many more guests this cluster accepts'),
  }),
  room: counts.describe('how many pods of some common shapes fit here now'),
  neighbours: z.number().int(),
  cordoned: z.array(z.string()).describe('neighbours whose virtual node is cordoned'),
  refused: counts.describe('strangers and messages refused, by reason'),
  eventsDropped: z.number().int(),
  customResources: z
    .array(z.string())
    .describe('custom resources of Spillway that the API server serves'),
  rssBytes: z.number(),
});

export const statusResponse = z.discriminatedUnion('active', [active, standby]);
export type StatusResponse = z.infer<typeof statusResponse>;
export type ActiveStatus = z.infer<typeof active>;
