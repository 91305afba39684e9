/**
 * What a host leaves out of a pod. The host says it when it tries the pod. The binding writes it on the pod,
 * so that every later agent of the home can also say it.
 */
import { type Pod, wellKnown } from '@spillway/core';

const separator = '; ';

/** To be written by the binding. What the pod's author has written there is not true, and is replaced. */
export function leftOutAnnotations(
  { metadata }: Pod,
  leftOut: readonly string[],
): Readonly<Record<string, string>> {
  const isWritten = wellKnown.leftOutAnnotation in (metadata.annotations ?? {});
  if (leftOut.length === 0 && !isWritten) return {};
  return { [wellKnown.leftOutAnnotation]: leftOut.join(separator) };
}

/** Of a pod that an agent has bound. */
export function leftOutOf({ metadata }: Pod): readonly string[] {
  const text = metadata.annotations?.[wellKnown.leftOutAnnotation] ?? '';
  return text === '' ? [] : text.split(separator);
}
