/** What Spillway has in a cluster, for who is about to take it out. */
import type { Pod } from '@spillway/core';
import { wellKnown } from '@spillway/core';
import { isTerminal } from '@spillway/federation';
import type { Footprint } from '@spillway/kubernetes';
import { pairs } from '../output/table.ts';
import { countsText, plural } from '../output/words.ts';

export function isFenced(pod: Pod): boolean {
  return pod.metadata.annotations?.[wellKnown.partitionAnnotation] === 'fence';
}

export function listing(footprint: Footprint): string {
  const { away, guests, virtualNodes, neighbours, guestNamespaces } = footprint;
  return pairs([
    ['Our pods away:', countsText(counted(away, ({ spec }) => spec.nodeName ?? ''))],
    ['  of them finished:', away.filter(({ status }) => isTerminal(status)).length],
    ['  of them fenced:', away.filter(isFenced).length],
    [
      'Guests here:',
      countsText(counted(guests, ({ metadata }) => metadata.labels?.[wellKnown.homeLabel] ?? '')),
    ],
    ['Virtual nodes:', namesOf(virtualNodes)],
    ['Neighbour objects:', neighbours.length],
    ['Guest namespaces:', namesOf(guestNamespaces)],
  ]);
}

/** What was said is said again only when it changes. */
export function progress({ away, guests }: Pick<Footprint, 'away' | 'guests'>): string {
  return `${plural(away.length, 'pod')} away, ${plural(guests.length, 'guest')} here`;
}

export function podNames(pods: readonly Pod[]): string {
  const shownMax = 10;
  const names = pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const more = names.length > shownMax ? ` and ${names.length - shownMax} more` : '';
  return `${names.slice(0, shownMax).join(', ')}${more}`;
}

function namesOf(objects: readonly { readonly metadata: { readonly name?: string } }[]): string {
  const shownMax = 5;
  const names = objects.map(({ metadata }) => metadata.name);
  const more = names.length > shownMax ? ` and ${names.length - shownMax} more` : '';
  return `${names.slice(0, shownMax).join(', ')}${more}` || 'none';
}

function counted(
  pods: readonly Pod[],
  keyOf: (pod: Pod) => string,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const pod of pods) counts[keyOf(pod)] = (counts[keyOf(pod)] ?? 0) + 1;
  return counts;
}
