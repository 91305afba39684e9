/** What is wrong, as far as an agent sees: `GET /v1/doctor`. */
import { z } from 'zod';

export const finding = z.object({
  check: z.enum([
    'agent',
    'lease',
    'rights',
    'reachability',
    'certificates',
    'clock',
    'versions',
    'orphans',
    'settings',
    'foreign-pods',
    'marks',
    'daemonsets',
    'kubelet',
    'crds',
  ]),
  severity: z.enum(['ok', 'info', 'warning', 'error']),
  subject: z.string().describe('what it is about: a neighbour, a node, a right'),
  message: z.string(),
  remedy: z.string().optional().describe('what to do'),
});
export type Finding = z.infer<typeof finding>;

export const doctorResponse = z.object({
  cluster: z.string(),
  findings: z.array(finding),
});
export type DoctorResponse = z.infer<typeof doctorResponse>;
