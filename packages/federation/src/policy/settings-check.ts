/**
 * Spillway's settings on namespaces and pods that have no effect as they are written. The value is not
 * valid, the key is almost ours, or it is a label where an annotation is needed. Its author believes that it
 * applies.
 */
import { type ObjectMeta, wellKnown } from '@spillway/core';
import { parsePolicy } from './policy.ts';

export type SettingsOwner = 'Namespace' | 'Pod';

const { offloadLabel, policyAnnotation } = wellKnown;
const offloadValues = ['enabled', 'disabled'];
const ours: ReadonlySet<string> = new Set(Object.values(wellKnown));
const distanceMax = 2;

/** Sentences for its author, one for each mistake; empty for nearly every object. */
export function settingProblems(
  owner: SettingsOwner,
  { labels = {}, annotations = {} }: Pick<ObjectMeta, 'labels' | 'annotations'>,
): readonly string[] {
  return [
    ...Object.entries(labels).flatMap(([key, value]) => labelProblem(owner, key, value)),
    ...Object.entries(annotations).flatMap(([key, value]) => annotationProblem(owner, key, value)),
  ];
}

function labelProblem(owner: SettingsOwner, key: string, value: string): readonly string[] {
  if (key === policyAnnotation) return [`label ${key} has no effect: it is an annotation`];
  if (key !== offloadLabel) return similar('label', key);
  if (owner === 'Pod') return [`label ${key} has no effect on a pod: it is a label of namespaces`];
  if (offloadValues.includes(value)) return [];
  return [`label ${key}=${value} has no effect: ${key}=enabled lets pods leave`];
}

function annotationProblem(owner: SettingsOwner, key: string, value: string): readonly string[] {
  if (key === offloadLabel) {
    const where = owner === 'Pod' ? 'it is a label of namespaces' : 'it is a label';
    return [`annotation ${key} has no effect: ${where}`];
  }
  if (key !== policyAnnotation) return similar('annotation', key);
  const policy = parsePolicy(value);
  return 'problem' in policy ? [`annotation ${key} can't be read: ${policy.problem}`] : [];
}

function similar(what: 'label' | 'annotation', key: string): readonly string[] {
  // Nearly every key there is ends here.
  if (!/^spil+way/i.test(key) || ours.has(key)) return [];
  const meant = [offloadLabel, policyAnnotation].find((each) => isNear(each, key));
  return meant === undefined ? [] : [`${what} ${key} has no effect: ${meant} may be meant`];
}

/** Whether Levenshtein's distance between them is at most `distanceMax`. Computed row by row. */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > distanceMax) return false;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return (row[b.length] ?? 0) <= distanceMax;
}
