import type { Pod } from './kubernetes-objects.ts';

/** In a word, as `kubectl get pods` begins to: the phase, or the reason of one that has failed. */
export function podStatusText({ status }: Pod): string {
  return status?.reason ?? status?.phase ?? 'Pending';
}

/** Why containers do not run, one sentence each: `container web waits: ImagePullBackOff`. */
export function containerTroubles({ status }: Pod): readonly string[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.flatMap(({ name, state }) => {
    const { waiting, terminated } = state ?? {};
    if (waiting?.reason !== undefined) return [`container ${name} waits: ${waiting.reason}`];
    if (terminated === undefined || terminated.exitCode === 0) return [];
    return [`container ${name} ended with exit code ${terminated.exitCode}`];
  });
}
