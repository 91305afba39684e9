/** What a scenario file may say; the JSON Schema that editors read is made from this. */
import { z } from 'zod';

const quantity = z
  .string()
  .regex(/^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti)?$/, 'expected a Kubernetes quantity, such as 500m or 4Gi')
  .describe('A Kubernetes quantity');
const seconds = z.number().min(0).describe('Seconds on the scenario’s clock');
const range = (what: string) =>
  z
    .tuple([z.number().int().min(1), z.number().int().min(1)])
    .refine(([min, max]) => min <= max, 'expected [least, most]')
    .describe(`${what}, from least to most, uniformly`);

export const podSchema = z
  .strictObject({
    cpu: quantity,
    memory: quantity,
    milliGpu: z.number().int().min(0).default(0).describe('Thousandths of a GPU'),
    gpuModels: z.array(z.string()).min(1).optional().describe('It runs on these models only'),
  })
  .describe('What one pod asks for');

const nodesSchema = z
  .strictObject({
    count: z.number().int().min(1),
    cpu: quantity.describe('Allocatable CPU of each'),
    memory: quantity.describe('Allocatable memory of each'),
    gpus: z.number().int().min(0).default(0),
    gpuModel: z.string().optional(),
  })
  .describe('Equal nodes');

const placedCluster = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/, 'expected a DNS label'),
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  utcOffsetHours: z
    .number()
    .min(-12)
    .max(14)
    .default(0)
    .describe('For demand that follows the day'),
  nodes: z.array(nodesSchema).optional().describe('Instead of the scenario’s'),
});

const deployments = z
  .strictObject({
    kind: z.literal('deployments'),
    pod: podSchema,
    replicas: range('Replicas that an app asks at each of its locations'),
    locations: range('Locations of an app'),
    skew: z
      .number()
      .min(0)
      .describe('Zipf exponent: how much more the first location is asked for'),
    arriveWithin: z.number().min(0).max(1).describe('All have come after this part of the time'),
    changeEveryS: z
      .number()
      .positive()
      .describe('How often an app grows, shrinks or is replaced (s)'),
  })
  .describe('Deployments at preferred locations, as in mck8s');

const daily = z
  .strictObject({
    kind: z.literal('daily'),
    pod: podSchema,
    share: z.number().positive().max(1).describe('Of the demand that the load makes'),
    peakHour: z.number().min(0).max(24).describe('Local time of the peak'),
    lowest: z.number().min(0).max(1).describe('Demand at the deepest, in parts of the peak'),
    flashCrowdsPerSite: z.number().min(0).describe('A day, on average'),
    flashFactor: z.number().min(1).describe('How many times as much a flash crowd asks for'),
    flashMinutes: range('How long a flash crowd lasts, minutes'),
  })
  .describe('Demand that follows each site’s day');

const sessions = z
  .strictObject({
    kind: z.literal('sessions'),
    pod: podSchema,
    share: z.number().positive().max(1).describe('Of the demand that the load makes'),
    burst: range('Sessions that start together'),
    burstWithinS: z.number().positive().describe('Maximum time in which a burst starts (s)'),
    medianMinutes: z.number().positive().describe('Of a session’s length, which is log-normal'),
    sigma: z.number().positive().describe('Of the logarithm of a session’s length'),
    maxMinutes: z.number().positive(),
    skew: z.number().min(0).describe('Zipf exponent over the sites'),
  })
  .describe('Sessions of agents: they come in bursts and stay for minutes to hours');

const tides = z
  .strictObject({
    kind: z.literal('tides'),
    pod: podSchema,
    swing: z.number().min(0).max(2).describe('How far demand goes above and below its mean'),
    periodS: z.number().positive(),
    stepS: z.number().positive(),
  })
  .describe('Each cluster’s demand rises and falls, each at its own time: the sum stays');

const fixed = z
  .strictObject({
    kind: z.literal('fixed'),
    name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'expected a DNS label'),
    pod: podSchema,
    at: z.array(z.string()).min(1).describe('Clusters by name'),
    replicas: z.number().int().min(1).describe('At each, at load 1'),
    fromS: seconds.default(0),
    toS: seconds.optional(),
  })
  .describe('An app as it is');

export const scenarioSchema = z
  .strictObject({
    name: z.string().min(1),
    description: z.string().min(1).describe('In a line or two: what it shows'),
    durationS: z.number().positive(),
    load: z
      .number()
      .positive()
      .max(2)
      .describe('Demand in parts of all room, where nobody says otherwise'),
    clusters: z
      .union([
        z.array(placedCluster).min(1),
        z.strictObject({
          count: z.number().int().min(1).max(20_000),
          prefix: z.string().regex(/^[a-z][a-z0-9-]{0,20}$/),
        }),
      ])
      .describe('Named ones, or a number of clusters spread over the globe at random'),
    nodes: z.array(nodesSchema).min(1).describe('Of every cluster that has none of its own'),
    links: z
      .strictObject({
        jitter: z
          .number()
          .min(0)
          .max(1)
          .default(0.1)
          .describe('Maximum share by which each direction is longer'),
        loss: z.number().min(0).max(0.2).default(0),
        cuts: z
          .array(z.strictObject({ fromS: seconds, toS: seconds, clusters: z.array(z.string()) }))
          .default([]),
      })
      .prefault({}),
    demand: z
      .array(z.discriminatedUnion('kind', [deployments, daily, sessions, tides, fixed]))
      .min(1),
  })
  .describe('A scenario of Spillway’s benchmark');

export type Scenario = z.infer<typeof scenarioSchema>;
export type Demand = Scenario['demand'][number];
export type DemandOf<Kind extends Demand['kind']> = Extract<Demand, { kind: Kind }>;
