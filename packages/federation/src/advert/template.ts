/**
 * What the pods of one controller have in common. A host's API server says the same of all pods of one
 * template, so one of them is tried for all.
 */
import { type Brand, digest, type Pod } from '@spillway/core';
import { portablePod } from '../offload/portability.ts';

export type Template = Brand<string, 'Template'>;

/**
 * Of `pod` as it would be sent, without its name and UID. Our own annotations don't count: the binding
 * writes some of them. Cost: the pod's size.
 */
export function templateOf(pod: Pod): Template {
  const { metadata, spec } = portablePod(pod);
  const { namespace, labels, annotations } = metadata;
  const theirs = Object.entries(annotations ?? {}).filter(([key]) => !isOurAnnotation(key));
  return digest(JSON.stringify([namespace, labels ?? {}, theirs, spec])) as Template;
}

/** Such as the binding writes on a pod. */
export function isOurAnnotation(key: string): boolean {
  return key.startsWith('spillway.dev/');
}

/**
 * What a host says of one pod, as it holds for all pods of its template: without the pod's name. API
 * servers say `pods "web-7" is forbidden: …`, webhooks say what they like.
 */
export function saidOfTemplate(words: string, { metadata, spec }: Pod): string {
  const { name } = metadata;
  if (name === undefined || name === '') return words;
  const escaped = name.replaceAll(/[^\w-]/g, String.raw`\$&`);
  const token = String.raw`(?<![\w.-])${escaped}(?![\w-]|\.\w)`;
  const aPod = String.raw`\bpods?[ /:]+(?:[\w-]+/)?(["'])?${token}\1`;
  const inWords = words.replaceAll(new RegExp(aPod, 'gi'), 'such a pod');
  // A container or volume of the same name is meant then, or just a word.
  if (JSON.stringify(spec).includes(`"${name}"`)) return inWords;
  const alone = /^[a-z]+$/.test(name) ? `(["'])${token}\\1` : `(["'])?${token}\\1`;
  return inWords.replaceAll(new RegExp(alone, 'g'), 'such a pod');
}
