/** All rows of docs/transparency.md. The tests run each of them. */
import type { Family } from './row.ts';
import { deploymentRows } from './rows/deployments.ts';
import { endRows } from './rows/ends.ts';
import { jobRows } from './rows/jobs.ts';
import { limitRows } from './rows/limits.ts';
import { nodeRows } from './rows/nodes.ts';
import { statefulSetRows } from './rows/stateful-sets.ts';
import { statusRows } from './rows/status.ts';

export const families: readonly Family[] = [
  { name: 'Deployments and ReplicaSets', rows: deploymentRows },
  { name: 'StatefulSets', rows: statefulSetRows },
  { name: 'Jobs and CronJobs', rows: jobRows },
  { name: 'Budgets, quotas and limits', rows: limitRows },
  { name: 'Deletion and ownership', rows: endRows },
  { name: 'Status', rows: statusRows },
  { name: 'Nodes', rows: nodeRows, alone: true },
];
