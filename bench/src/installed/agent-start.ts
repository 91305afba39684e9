/** How soon an agent's pod is Ready once its container runs, as a watcher of the API server sees it. */
import type { History } from '../observation/histories.ts';
import { agentNamespace } from './installation.ts';

/** Ms, one for each pod of an agent that became Ready while it was watched. */
export function runningToReadyMs({ changes }: History): readonly number[] {
  const runningAt = new Map<string, number>();
  const readyAfter = new Map<string, number>();
  for (const { kind, type, object, atMs } of changes) {
    if (kind !== 'Pod' || type === 'deleted' || object.metadata.namespace !== agentNamespace) {
      continue;
    }
    const { uid = '' } = object.metadata;
    const [container] = object.status?.containerStatuses ?? [];
    if (container?.state?.['running'] === undefined || readyAfter.has(uid)) continue;
    if (!runningAt.has(uid)) {
      // Ready at first sight: nobody saw when it began to run.
      if (container.ready) continue;
      runningAt.set(uid, atMs);
    }
    if (container.ready) readyAfter.set(uid, atMs - (runningAt.get(uid) ?? atMs));
  }
  return [...readyAfter.values()];
}
