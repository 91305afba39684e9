/** What an agent says of itself: `GET /v1/status`. */
import { z } from 'zod';

export const counts = z.record(z.string(), z.number().int());

const standby = z.object({
  cluster: z.string(),
  active: z.literal(false).describe('another agent of the cluster is the active one'),
  version: z.string(),
  instance: z.string(),
});

const active = z.object({
  cluster: z.string().describe('name of the cluster in the federation'),
  active: z.literal(true),
  version: z.string().describe('of the agent'),
  instance: z.string().describe('its pod, if it runs as one'),
  ready: z.boolean().describe('its caches are synced'),
  epoch: z.number().int().describe('grows with each agent that becomes active'),
  peer: z.string().describe('libp2p peer id'),
  addresses: z.array(z.string()).describe('multiaddrs that others may dial'),
  relay: z
    .object({
      serves: z.boolean(),
      waitsAt: z.array(z.string()).describe('where it is reached through, if nobody can dial it'),
      reservations: z.number().int().describe('members that wait here'),
      circuits: z.number().int().describe('connections of others that pass through'),
    })
    .describe('for members that nobody can dial'),
  certificateExpiresInMs: z.number().describe('negative when it has expired'),
  revocations: z
    .object({
      count: z.number().int(),
      kept: z.boolean().describe('all that is known would outlive this agent'),
      own: z
        .object({ reason: z.string(), revokedAt: z.string() })
        .nullable()
        .describe('why this cluster itself is no member any more'),
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
  waiting: z.number().int().describe('pods of ours without a node'),
  away: counts.describe('unfinished pods of ours, by neighbour'),
  podStates: counts
    .optional()
    .describe('pods of ours by state, as packages/federation/README.md names them'),
  guests: z.object({
    total: z.number().int(),
    held: z.number().int().describe('slots held for homes and not yet taken'),
    byHome: counts,
    free: z.number().int().describe('how many more guests this cluster accepts'),
  }),
  room: counts.describe('how often some common shapes fit here now'),
  neighbours: z.number().int(),
  cordoned: z.array(z.string()).describe('neighbours whose virtual node is cordoned'),
  refused: counts.describe('strangers and messages refused, by reason'),
  eventsDropped: z.number().int(),
  customResources: z.array(z.string()).describe('those of Spillway’s that the API server serves'),
  rssBytes: z.number(),
});

export const statusAnswer = z.discriminatedUnion('active', [active, standby]);
export type StatusAnswer = z.infer<typeof statusAnswer>;
export type ActiveStatus = z.infer<typeof active>;
