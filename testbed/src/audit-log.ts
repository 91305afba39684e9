/**
 * What agents ask of API servers. The API servers themselves record it where SPILLWAY_AUDIT_FOLDER names a
 * folder. `npm run integration` uses it to check that the rights that ship are those that are used. It
 * remains when the test bed has ended.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Metadata tells who asked what, what was decided, and by which role; Request also what was sent. */
const policy = (level: 'Metadata' | 'Request'): string => `apiVersion: audit.k8s.io/v1
kind: Policy
# A watch's end may never come, when its server is killed: its start counts.
omitStages: [RequestReceived]
rules:
  - level: ${level}
    users: ['system:serviceaccount:spillway-system:spillway-agent']
  - level: None
`;

/** Flags of kube-apiserver; `folder` is the cluster's. `requests`: whatever agents send is written down, too. */
export function auditFlags(folder: string, requests: boolean): readonly string[] {
  const target = process.env['SPILLWAY_AUDIT_FOLDER'];
  if (!target && !requests) return [];
  if (target) mkdirSync(target, { recursive: true });
  const file = join(folder, 'audit-policy.yaml');
  writeFileSync(file, policy(requests ? 'Request' : 'Metadata'));
  return [`--audit-policy-file=${file}`, `--audit-log-path=${auditLog(folder)}`];
}

export function auditLog(folder: string): string {
  const target = process.env['SPILLWAY_AUDIT_FOLDER'];
  return target
    ? join(target, `${basename(dirname(folder))}-${basename(folder)}.jsonl`)
    : join(folder, 'audit.jsonl');
}
