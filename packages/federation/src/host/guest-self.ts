/**
 * What a guest sees of itself by the downward API: the pod as it is at home. An environment variable becomes
 * its value. A file can't, so that its value becomes an annotation of ours, and the file shows that.
 */
import { type Container, type Pod, type PodSpec, type Volume, wellKnown } from '@spillway/core';

interface WithField {
  readonly fieldRef?: { readonly fieldPath?: unknown } | null;
}

function pathOf(source: WithField | null | undefined): string | undefined {
  const path = source?.fieldRef?.fieldPath;
  return typeof path === 'string' ? path : undefined;
}

/** `annotations`: what the files show, for the guest to carry. */
export function seenAsAtHome(
  pod: Pod,
  node: string,
): { readonly spec: PodSpec; readonly annotations: Readonly<Record<string, string>> } {
  const { spec } = pod;
  const files = new Map<string, string>();
  const fileOf = (path: string): string | undefined => {
    const value = path === 'metadata.name' ? undefined : valueOf(pod, path, node);
    if (value === undefined) return undefined;
    const known = files.get(path) ?? `${wellKnown.homeFieldPrefix}${files.size}`;
    files.set(path, known);
    return `metadata.annotations['${known}']`;
  };
  const containers = (list: readonly Container[]): readonly Container[] =>
    list.map((container) => withValues(container, (path) => valueOf(pod, path, node)));
  const seen: PodSpec = {
    ...spec,
    containers: containers(spec.containers),
    ...(spec.initContainers && { initContainers: containers(spec.initContainers) }),
    ...(spec.volumes && { volumes: spec.volumes.map((volume) => withFiles(volume, fileOf)) }),
  };
  const annotations: Record<string, string> = {};
  for (const [path, key] of files) annotations[key] = valueOf(pod, path, node) ?? '';
  return { spec: seen, annotations };
}

/** What the kubelet of one more node of the home would say; undefined of what is the host's, such as IPs. */
function valueOf(pod: Pod, path: string, node: string): string | undefined {
  const { name = '', namespace = 'default', uid = '', labels, annotations } = pod.metadata;
  const [, of, key = ''] = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path) ?? [];
  if (of === 'labels') return labels?.[key] ?? '';
  if (of === 'annotations') return annotations?.[key] ?? '';
  switch (path) {
    case 'metadata.name':
      return name;
    case 'metadata.namespace':
      return namespace;
    case 'metadata.uid':
      return uid;
    case 'metadata.labels':
      return linesOf(labels ?? {});
    case 'metadata.annotations':
      return linesOf(annotations ?? {});
    case 'spec.nodeName':
      return node;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName || 'default';
    default:
      return undefined;
  }
}

function withValues(
  container: Container,
  valueAt: (path: string) => string | undefined,
): Container {
  const env = container['env'];
  if (!Array.isArray(env)) return container;
  const seen = env.map((variable: { name: string; valueFrom?: WithField } | null) => {
    const path = pathOf(variable?.valueFrom);
    const value = path === undefined ? undefined : valueAt(path);
    // A kubelet expands $(NAME) in values, and not in what fields say.
    return value === undefined
      ? variable
      : { name: variable?.name, value: value.replaceAll('$', '$$$$') };
  });
  return { ...container, env: seen };
}

function withFiles(volume: Volume, fileOf: (path: string) => string | undefined): Volume {
  const itemOf = (item: WithField | null): unknown => {
    const path = pathOf(item);
    const fieldPath = path === undefined ? undefined : fileOf(path);
    return fieldPath === undefined ? item : { ...item, fieldRef: { ...item?.fieldRef, fieldPath } };
  };
  const shown = (source: unknown): unknown => {
    const { items } = (source ?? {}) as { items?: unknown };
    return Array.isArray(items) ? { ...(source as object), items: items.map(itemOf) } : source;
  };
  const { downwardAPI, projected } = volume;
  if (downwardAPI !== undefined) return { ...volume, downwardAPI: shown(downwardAPI) };
  const { sources } = (projected ?? {}) as { sources?: unknown };
  if (!Array.isArray(sources)) return volume;
  const seen = sources.map((source: { downwardAPI?: unknown } | null) =>
    source?.downwardAPI === undefined
      ? source
      : { ...source, downwardAPI: shown(source.downwardAPI) },
  );
  return { ...volume, projected: { ...(projected as object), sources: seen } };
}

/** As a kubelet writes a map: sorted, `key="value"`, Go's quotes (pkg/fieldpath, FormatMap). */
function linesOf(map: Readonly<Record<string, string>>): string {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${quoted(value)}`)
    .join('\n');
}

const short: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

function quoted(text: string): string {
  const escaped = text.replaceAll(/["\\\p{Cc}]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (short[char] !== undefined) return short[char];
    return code < 0x80
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
