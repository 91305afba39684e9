/** What a host honours of the pods that others send it: allow-lists with defaults that give a guest no power. */

/** Patterns are whole keys, or end in `*`: `example.com/*` is every key that begins with `example.com/`. */
export interface GuestTerms {
  /** Keys of taints that guests may tolerate, beside those that every guest may (guest-tolerations.ts). */
  readonly tolerations: readonly string[];
  /** Labels with a prefix that guests keep, and those of `namedLabels`. All other labels without a prefix stay. */
  readonly labels: readonly string[];
  /** Annotations that guests keep. */
  readonly annotations: readonly string[];
  /** Images that guests may run, in full: `docker.io/library/nginx:1`. */
  readonly images: readonly string[];
  readonly runtimeClasses: readonly string[];
  /** A guest that asks for a longer grace gets this one, s: no guest keeps a node from being drained for longer. */
  readonly terminationGraceSecondsMax: number;
}

export const guestTermsDefaults: GuestTerms = Object.freeze({
  tolerations: Object.freeze([]),
  // Of workloads' own controllers and of charts: selectors go by them, and nothing that acts on pods does.
  labels: Object.freeze([
    'app.kubernetes.io/*',
    'apps.kubernetes.io/pod-index',
    'batch.kubernetes.io/*',
    'helm.sh/chart',
    'statefulset.kubernetes.io/pod-name',
  ]),
  annotations: Object.freeze([
    'kubectl.kubernetes.io/default-container',
    'kubectl.kubernetes.io/default-logs-container',
    'kubectl.kubernetes.io/restartedAt',
  ]),
  images: Object.freeze(['*']),
  runtimeClasses: Object.freeze(['*']),
  terminationGraceSecondsMax: 3_600,
});

/** Labels without a prefix that controllers of a host obey: Azure's pod identity, in all namespaces. */
const namedLabels: ReadonlySet<string> = new Set(['aadpodidbinding']);

export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern,
  );
}

/** Whether a guest keeps a label of this key: what selects by another selects nothing at this host. */
export function keepsLabel(terms: GuestTerms, key: string): boolean {
  if (!key.includes('/') && !namedLabels.has(key)) return true;
  return matchesAny(terms.labels, key);
}

export function allowsImage(terms: GuestTerms, image: string): boolean {
  return matchesAny(terms.images, fullImageName(image));
}

/** As container runtimes read it: `nginx` is `docker.io/library/nginx`. */
export function fullImageName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  if (rest.length === 0) return `docker.io/library/${image}`;
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  return isRegistry ? image : `docker.io/${image}`;
}
