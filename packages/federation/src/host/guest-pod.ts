/**
 * The pod that a host is ready to run of one that it is sent: nothing that a guest brings has power here. The
 * same answer decides where it is placed, what is created, and what is changed when its home changes it.
 * Deterministic and total: a pod was written by a neighbour, and may be anything.
 */
import { type Container, type Pod, type PodSpec, type Verdict, wellKnown } from '@spillway/core';
import { portabilityVerdicts } from '../offload/portability.ts';
import { containerFields, type FieldRule, specFields } from './guest-fields.ts';
import { saidAnew, type SelectorContext } from './guest-selectors.ts';
import { seenAsAtHome } from './guest-self.ts';
import { allowsImage, type GuestTerms, keepsLabel, matchesAny } from './guest-terms.ts';
import { guestTolerations } from './guest-tolerations.ts';

export interface GuestContext extends SelectorContext {
  /** The node of the pod as its home names it. */
  readonly homeNode: string;
}

export interface GuestPod {
  /** With the home's name, namespace and UID. */
  readonly pod: Pod;
  /** What it does without here, in words for its owner. Sorted, maximum `droppedMax`. */
  readonly dropped: readonly string[];
  /** Why it can't come; empty when it may. */
  readonly verdicts: readonly Verdict[];
}

export const droppedMax = 64;
const stage = 'GuestTerms';

/** `sent`: as it travelled, or those parts of it that decide its placement. */
export function guestPod(sent: Pod, context: GuestContext): GuestPod {
  const { terms, homeNode } = context;
  const dropped: string[] = [];
  const refused: string[] = [];
  const { spec: seen, annotations: shown } = seenAsAtHome(sent, homeNode);
  const fields = byRules(seen, specFields, 'field', { dropped, refused });
  const selectors = saidAnew(seen, context);
  const tolerations = guestTolerations(seen, terms);
  dropped.push(...selectors.dropped, ...tolerations.dropped);
  refused.push(...selectors.refused.map((what) => `cannot apply ${what}`));
  const containers = (list: readonly Container[]): readonly Container[] =>
    list.map((each) => containerOf(each, terms, { dropped, refused }));
  for (const image of imageVolumesOf(seen)) refuseImage(image, terms, refused);
  const runtimeClass = seen['runtimeClassName'];
  if (typeof runtimeClass === 'string' && !matchesAny(terms.runtimeClasses, runtimeClass))
    refused.push(`does not allow guests RuntimeClass ${runtimeClass} (guests.runtimeClasses)`);
  const spec: PodSpec = {
    ...fields,
    ...selectors.spec,
    ...(seen.tolerations && { tolerations: tolerations.tolerations }),
    ...graceOf(seen, terms, dropped),
    containers: containers(seen.containers),
    ...(seen.initContainers && { initContainers: containers(seen.initContainers) }),
  };
  const metadata = metadataOf(sent, terms, { shown, dropped });
  return {
    pod: { metadata, spec },
    dropped: bounded(dropped),
    verdicts: [...portabilityVerdicts(sent), ...refused.map(verdictOf)],
  };
}

interface Told {
  readonly dropped: string[];
  readonly refused: string[];
}

/** Those fields of `object` that stay; `replaced` ones are written when the shadow is made. */
function byRules(
  object: Readonly<Record<string, unknown>>,
  rules: Readonly<Record<string, FieldRule>>,
  kind: string,
  { dropped, refused }: Told,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(object)) {
    const treatment = Object.hasOwn(rules, field) ? rules[field]?.treatment : undefined;
    if (treatment === 'honoured' || treatment === 'narrowed') kept[field] = value;
    else if (treatment === 'replaced' || isNothing(value)) continue;
    else if (treatment === 'dropped') dropped.push(field);
    else if (treatment === 'refused') refused.push(`takes no pod with ${field}`);
    else refused.push(`does not know the ${kind} ${field}`);
  }
  return kept;
}

/** Values that mean the same as an absent field. */
function isNothing(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  );
}

function containerOf(container: Container, terms: GuestTerms, told: Told): Container {
  const fields = byRules(container, containerFields, 'container field', told);
  if (container.image !== undefined) refuseImage(container.image, terms, told.refused);
  return { ...fields, name: container.name };
}

function refuseImage(image: string, terms: GuestTerms, refused: string[]): void {
  if (!allowsImage(terms, image))
    refused.push(`does not allow guests image ${image} (guests.images)`);
}

function imageVolumesOf(spec: PodSpec): readonly string[] {
  return (spec.volumes ?? []).flatMap((volume) => {
    const reference = (volume['image'] as { reference?: unknown } | undefined)?.reference;
    return typeof reference === 'string' ? [reference] : [];
  });
}

function graceOf(
  spec: PodSpec,
  { terminationGraceSecondsMax: max }: GuestTerms,
  dropped: string[],
): Pick<PodSpec, 'terminationGracePeriodSeconds'> {
  const { terminationGracePeriodSeconds: asked } = spec;
  if (asked === undefined || asked <= max) return {};
  dropped.push(`terminationGracePeriodSeconds above ${max}`);
  return { terminationGracePeriodSeconds: max };
}

function metadataOf(
  { metadata }: Pod,
  terms: GuestTerms,
  {
    shown,
    dropped,
  }: { readonly shown: Readonly<Record<string, string>>; readonly dropped: string[] },
): Pod['metadata'] {
  const { name, namespace, uid, labels, annotations } = metadata;
  const kept = (
    map: Readonly<Record<string, string>>,
    what: string,
    keeps: (key: string) => boolean,
  ): Record<string, string> => {
    const entries = Object.entries(map).filter(([key]) => !isOurs(key));
    for (const [key] of entries) if (!keeps(key)) dropped.push(`${what} ${key}`);
    return Object.fromEntries(entries.filter(([key]) => keeps(key)));
  };
  const fence = annotations?.[wellKnown.partitionAnnotation];
  const keptAnnotations = {
    ...(annotations &&
      kept(annotations, 'annotation', (key) => matchesAny(terms.annotations, key))),
    ...(fence !== undefined && { [wellKnown.partitionAnnotation]: fence }),
    ...shown,
  };
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(labels && { labels: kept(labels, 'label', (key) => keepsLabel(terms, key)) }),
    ...(Object.keys(keptAnnotations).length > 0 && { annotations: keptAnnotations }),
  };
}

/** What we ourselves write on pods; a guest brings none of it, and its owner misses none of it. */
function isOurs(key: string): boolean {
  return key.startsWith('spillway.dev/') || key.startsWith(wellKnown.homeFieldPrefix);
}

function bounded(dropped: readonly string[]): readonly string[] {
  const sorted = [...new Set(dropped)].sort();
  if (sorted.length <= droppedMax) return sorted;
  const more = sorted.length - droppedMax + 1;
  return [...sorted.slice(0, droppedMax - 1), `and ${more} more`];
}

function verdictOf(reason: string): Verdict {
  return { code: 'UnschedulableAndUnresolvable', reason, stage };
}
