/**
 * What KWOK's kubelets answer. Every container has the lines of one file as its log, a port echoes what it
 * receives, and commands are refused. KWOK does not check who the caller is, so nothing here does more than
 * that.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `folder` is the cluster's. As a container runtime writes it: one line each, with its time. */
function podLogFile(folder: string): string {
  return join(folder, 'pods.log');
}

export const firstLogLine = 'this pod is played by KWOK';

/** A line of a log as a container runtime writes it. */
function logLine(text: string, now: Date): string {
  return `${now.toISOString()} stdout F ${text}\n`;
}

/** Documents of KWOK's configuration. */
export function kwokKubelet(folder: string): string {
  const file = podLogFile(folder);
  writeFileSync(file, logLine(firstLogLine, new Date()));
  return [
    document('ClusterLogs', `logs: [{ logsFile: ${JSON.stringify(file)} }]`),
    document('ClusterAttach', `attaches: [{ logsFile: ${JSON.stringify(file)} }]`),
    document('ClusterPortForward', 'forwards: [{ command: [cat] }]'),
  ].join('---\n');
}

function document(kind: string, spec: string): string {
  return `apiVersion: kwok.x-k8s.io/v1alpha1
kind: ${kind}
metadata: { name: testbed }
spec:
  ${spec}
`;
}
