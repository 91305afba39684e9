/** What `-o json` and `-o yaml` print, by command: published as JSON Schemas in schemas/, for scripts. */
import {
  doctorResponse,
  dryRunResponse,
  neighboursResponse,
  policyResponse,
  statusResponse,
} from '@spillway/agent/api-schemas';
import { z } from 'zod';
import { topOutput } from '../commands/top.ts';
import { versionOutput } from '../commands/version.ts';
import { eventOutput } from '../events.ts';
import { podExplanation, workloadExplanation } from '../explanations.ts';

export const certificateOutput = z.object({
  cluster: z.string(),
  peer: z.string(),
  federation: z.string().describe('the first half of SHA-256 of the root’s public key, in hex'),
  notBefore: z.iso.datetime(),
  expires: z.iso.datetime(),
  serial: z.string(),
  attributes: z.record(z.string(), z.string()),
});

export const revocationsOutput = z.array(
  z.object({
    federation: z.string(),
    revoked: z.iso.datetime(),
    cluster: z.string().optional().describe('its certificates that were signed until then'),
    peer: z.string().optional().describe('all certificates of this key'),
    serial: z.string().optional().describe('this certificate'),
    reason: z.string(),
  }),
);

export const outputSchemas: Readonly<Record<string, z.ZodType>> = {
  status: statusResponse,
  neighbours: neighboursResponse,
  top: topOutput,
  'explain-pod': podExplanation,
  'explain-deployment': workloadExplanation,
  'dry-run': dryRunResponse,
  policy: policyResponse,
  events: z.array(eventOutput),
  doctor: doctorResponse,
  version: versionOutput,
  'federation-inspect': certificateOutput,
  'federation-inspect-revocations': revocationsOutput,
};
