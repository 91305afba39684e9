import type { Pod } from './kubernetes-objects.ts';

/** In a word, as `kubectl get pods` begins to: the phase, or the reason of one that has failed. */
export function podStatusText({ status }: Pod): string {
  return status?.reason ?? status?.phase ?? 'Pending';
}
