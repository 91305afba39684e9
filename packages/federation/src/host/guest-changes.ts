/**
 * What a home has changed in a pod since its shadow was made, as a patch of the shadow. Kubernetes lets a
 * bound pod's labels, annotations, images and deadline be changed, and tolerations be added.
 *
 * The shadow carries a note of what it was made from. So nothing that the host's people or webhooks have
 * put on it is taken for the home's, and an agent that restarts changes nothing.
 */
import { type Container, digest, type Pod, type PodSpec, wellKnown } from '@spillway/core';

/** A strategic merge patch of a pod. `null` removes a key. */
export interface GuestPatch {
  readonly metadata: {
    /** Of the shadow that was looked at: an earlier patch that comes late must not undo a newer one. */
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string | null>>;
    readonly annotations: Readonly<Record<string, string | null>>;
  };
  readonly spec?: {
    readonly containers?: readonly Pick<Container, 'name' | 'image'>[];
    readonly initContainers?: readonly Pick<Container, 'name' | 'image'>[];
    readonly activeDeadlineSeconds?: number;
    readonly tolerations?: PodSpec['tolerations'];
  };
}

interface Note {
  /** Of all that may change. */
  readonly all: string;
  readonly images: string;
  /** Keys that came from the home. */
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
}

/** To be written on the shadow of `pod`, as the host honours it, under `wellKnown.madeFromAnnotation`. */
export function madeFrom(pod: Pod): string {
  return JSON.stringify(noteOf(pod));
}

/** Undefined when the shadow is as `pod`, as the host honours it, wants it. */
export function guestChanges(shadow: Pod, pod: Pod): GuestPatch | undefined {
  const made = readNote(shadow.metadata.annotations?.[wellKnown.madeFromAnnotation]);
  const wanted = noteOf(pod);
  if (made?.all === wanted.all) return undefined;
  const labels = changedKeys(made?.labels, shadow.metadata.labels, pod.metadata.labels);
  const annotations = changedKeys(
    made?.annotations,
    shadow.metadata.annotations,
    pod.metadata.annotations,
  );
  // A host's webhook may have rewritten images: without a note it is not known who has changed them.
  const images = made !== undefined && made.images !== wanted.images;
  const spec = { ...(images && changedImages(shadow.spec, pod.spec)), ...changedSpec(shadow, pod) };
  const { resourceVersion } = shadow.metadata;
  return {
    metadata: {
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(Object.keys(labels).length > 0 && { labels }),
      annotations: { ...annotations, [wellKnown.madeFromAnnotation]: JSON.stringify(wanted) },
    },
    ...(Object.keys(spec).length > 0 && { spec }),
  };
}

function noteOf({ metadata, spec }: Pod): Note {
  const { labels = {}, annotations = {} } = metadata;
  const images = [imagesOf(spec.containers), imagesOf(spec.initContainers)];
  const { activeDeadlineSeconds, tolerations } = spec;
  const all = [sorted(labels), sorted(annotations), images, activeDeadlineSeconds, tolerations];
  return {
    all: digest(JSON.stringify(all)),
    images: digest(JSON.stringify(images)),
    labels: Object.keys(labels).sort(),
    annotations: Object.keys(annotations).sort(),
  };
}

function changedKeys(
  made: readonly string[] | undefined,
  there: Readonly<Record<string, string>> = {},
  wanted: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string | null>> {
  const changed: Record<string, string | null> = {};
  for (const key of made ?? []) if (!(key in wanted) && key in there) changed[key] = null;
  for (const [key, value] of Object.entries(wanted)) {
    if (there[key] !== value) changed[key] = value;
  }
  return changed;
}

function changedImages(there: PodSpec, wanted: PodSpec): GuestPatch['spec'] & object {
  const containers = otherImages(there.containers, wanted.containers);
  const initContainers = otherImages(there.initContainers, wanted.initContainers);
  return {
    ...(containers.length > 0 && { containers }),
    ...(initContainers.length > 0 && { initContainers }),
  };
}

function otherImages(
  there: readonly Container[] = [],
  wanted: readonly Container[] = [],
): readonly Pick<Container, 'name' | 'image'>[] {
  const images = new Map(there.map(({ name, image }) => [name, image]));
  return wanted.flatMap(({ name, image }) =>
    image === undefined || !images.has(name) || images.get(name) === image ? [] : [{ name, image }],
  );
}

/** A deadline may only come or get shorter, tolerations may only be added: else the API server refuses. */
function changedSpec(shadow: Pod, { spec }: Pod): GuestPatch['spec'] & object {
  const deadline = spec['activeDeadlineSeconds'];
  const there = shadow.spec.tolerations ?? [];
  const known = new Set(there.map(textOf));
  const added = (spec.tolerations ?? []).filter((each) => !known.has(textOf(each)));
  return {
    ...(typeof deadline === 'number' &&
      deadline !== shadow.spec['activeDeadlineSeconds'] && { activeDeadlineSeconds: deadline }),
    // The list has no key to merge by: it is sent whole.
    ...(added.length > 0 && { tolerations: [...there, ...added] }),
  };
}

function imagesOf(containers: readonly Container[] = []): readonly (readonly unknown[])[] {
  return containers.map(({ name, image }) => [name, image]);
}

function sorted(values: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

function textOf(value: object): string {
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Anybody at the host may have written over it: what is no note counts as none. */
function readNote(text: string | undefined): Note | undefined {
  if (text === undefined) return undefined;
  try {
    const { all, images, labels, annotations } = JSON.parse(text) as Partial<Note>;
    if (typeof all !== 'string' || typeof images !== 'string') return undefined;
    if (!Array.isArray(labels) || !Array.isArray(annotations)) return undefined;
    return { all, images, labels, annotations };
  } catch {
    return undefined;
  }
}
