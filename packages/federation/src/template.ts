/**
 * What the pods of one controller have in common. A host's API server says the same of all pods of one
 * template, so one of them is tried for all.
 */
import { type Brand, digest, type Pod } from '@spillway/core';
import { cutToTravel } from './travel.ts';

export type Template = Brand<string, 'Template'>;

/**
 * Of `pod` as it would be sent, without its name and UID. Our own annotations don't count: the binding
 * writes some of them. Cost: the pod's size.
 */
export function templateOf(pod: Pod): Template {
  const { metadata, spec } = cutToTravel(pod);
  const { namespace, labels, annotations } = metadata;
  const theirs = Object.entries(annotations ?? {}).filter(([key]) => !isOurAnnotation(key));
  return digest(JSON.stringify([namespace, labels ?? {}, theirs, spec])) as Template;
}

/** Such as the binding writes on a pod. */
export function isOurAnnotation(key: string): boolean {
  return key.startsWith('spillway.dev/');
}
