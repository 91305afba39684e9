/** What the history of some pods says, as rows compare it: who came when, and how many were ready at the least. */
import type { Pod } from '@spillway/core';
import { isReady, type PodHistory } from './place.ts';

/** `main-0 created`, `main-0 ready`, `main-0 deleted`: the first of each for each pod, in order. */
export function story(history: PodHistory): readonly string[] {
  const told = new Set<string>();
  const lines: string[] = [];
  for (const { type, pod } of history) {
    const { name, uid } = pod.metadata;
    const say = (what: string): void => {
      if (told.has(`${uid} ${what}`)) return;
      told.add(`${uid} ${what}`);
      lines.push(`${name} ${what}`);
    };
    say('created');
    if (isReady(pod)) say('ready');
    if (type === 'deleted') say('deleted');
  }
  return lines;
}

/** The smallest number of pods that were ready at once, from the moment on at which `from` were. */
export function fewestReady(history: PodHistory, from: number): number {
  return extreme(history, isReady, (fewest, now) =>
    fewest === undefined ? (now === from ? now : undefined) : Math.min(fewest, now),
  );
}

/** The largest number of pods that had not ended at once. */
export function mostUnfinished(history: PodHistory): number {
  const isUnfinished = ({ status }: Pod): boolean =>
    status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
  return extreme(history, isUnfinished, (most = 0, now) => Math.max(most, now));
}

function extreme(
  history: PodHistory,
  counts: (pod: Pod) => boolean,
  next: (extreme: number | undefined, now: number) => number | undefined,
): number {
  const now = new Set<string>();
  let found: number | undefined;
  for (const { type, pod } of history) {
    const { uid = '' } = pod.metadata;
    if (type === 'set' && counts(pod)) now.add(uid);
    else now.delete(uid);
    found = next(found, now.size);
  }
  return found ?? 0;
}
