/** What a guest may tolerate: what it asks for, cut down to the host's terms. */
import type { Container, PodSpec, Toleration } from '@spillway/core';
import { type GuestTerms, matchesAny } from './guest-terms.ts';

/** How long a guest stays on a node that fails is its own to say, as for any pod. */
const ofFailingNodes = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;

/** `dropped`: in words, what is not honoured. */
export function guestTolerations(
  spec: PodSpec,
  terms: GuestTerms,
): { readonly tolerations: readonly Toleration[]; readonly dropped: readonly string[] } {
  const resources = extendedResourcesOf(spec);
  const kept = new Map<string, Toleration>();
  const dropped: string[] = [];
  const keep = (toleration: Toleration): void => {
    kept.set(JSON.stringify(toleration), toleration);
  };
  for (const toleration of spec.tolerations ?? []) {
    const { key, effect } = toleration;
    if (terms.tolerations.includes('*')) keep(toleration);
    else if (!key) {
      dropped.push(`its toleration of every taint${effect ? ` with effect ${effect}` : ''}`);
      for (const narrower of narrowed(toleration, terms, resources)) keep(narrower);
    } else if (matchesAny(terms.tolerations, key) || resources.has(key)) keep(toleration);
    else if (isOfFailingNode(key) && (!effect || effect === 'NoExecute')) {
      keep({ ...toleration, effect: 'NoExecute' });
    } else dropped.push(`its toleration of the taint ${key}${effect ? `:${effect}` : ''}`);
  }
  return { tolerations: [...kept.values()], dropped };
}

/** A toleration of every taint, written as tolerations of the taints that may be tolerated. Patterns cannot be written so. */
function narrowed(
  { tolerationSeconds, effect }: Toleration,
  terms: GuestTerms,
  resources: ReadonlySet<string>,
): readonly Toleration[] {
  const seconds = tolerationSeconds === undefined ? {} : { tolerationSeconds };
  const failing = ofFailingNodes
    .filter(() => !effect || effect === 'NoExecute')
    .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', ...seconds }));
  const listed = terms.tolerations.filter((key) => !key.endsWith('*'));
  const named = [...new Set([...listed, ...resources])].map((key) => ({
    key,
    operator: 'Exists',
    ...(effect && { effect }),
    ...seconds,
  }));
  return [...failing, ...named];
}

function isOfFailingNode(key: string): boolean {
  return ofFailingNodes.some((each) => each === key);
}

/**
 * A taint with the name of a resource keeps off pods that do not request it. Kubernetes' own admission
 * plugin ExtendedResourceToleration uses that convention.
 */
function extendedResourcesOf(spec: PodSpec): ReadonlySet<string> {
  const names = new Set<string>();
  const take = ({ resources }: Pick<Container, 'resources'>): void => {
    for (const name of Object.keys({ ...resources?.limits, ...resources?.requests })) {
      const prefix = name.split('/')[0] ?? '';
      const native =
        !name.includes('/') || prefix === 'kubernetes.io' || prefix.endsWith('.kubernetes.io');
      if (!native) names.add(name);
    }
  };
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) take(container);
  return names;
}
