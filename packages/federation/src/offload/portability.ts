/**
 * What may leave its home. A pod stays if it would start broken elsewhere, or if it belongs to a node of its
 * home. The verdict names the field. Of every other pod, only what may leave is sent.
 *
 * Service account tokens never leave: at the host, a guest has no identity that the API server knows. Liqo
 * copies them as Secrets, and warns of impersonation.
 */
import {
  type Container,
  type Pod,
  type PodSpec,
  type Verdict,
  type Volume,
  wellKnown,
} from '@spillway/core';
import { mergedOnce } from './merged-once.ts';
import { negotiationBounds } from '../negotiation.ts';

const stage = 'Travel';

/** Its reason has the pod's own names in it. Those of many pods are counted by `field`. */
export interface PortabilityVerdict extends Verdict {
  /** What of a pod holds it back, in words that are the same for every pod: `volumes[].hostPath`. */
  readonly field: string;
}

/** Why `pod` must stay at home; empty when it may travel. Cost: its containers and volumes, once. */
export function portabilityVerdicts(pod: Pod): readonly PortabilityVerdict[] {
  const { metadata, spec } = pod;
  const verdicts: PortabilityVerdict[] = [];
  const hold = (field: string, reason: string): void => {
    verdicts.push({ code: 'UnschedulableAndUnresolvable', reason, stage, field });
  };
  const owner = metadata.ownerReferences?.find((reference) => reference.controller);
  if (owner?.kind === 'DaemonSet')
    hold('DaemonSet', `is one of DaemonSet ${owner.name}, which belongs to its cluster's nodes`);
  if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined)
    hold('static pod', 'is the mirror of a static pod');
  if (spec.hostNetwork) hold('hostNetwork', 'uses its node’s network (hostNetwork)');
  if (spec['hostPID']) hold('hostPID', 'uses its node’s processes (hostPID)');
  if (spec['hostIPC']) hold('hostIPC', 'uses its node’s IPC (hostIPC)');
  if (pinnedToNode(spec)) hold('node name', 'is pinned to a node of its home by name');
  if (spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length)
    hold('podAffinity', 'must run beside other pods of its home (required podAffinity)');
  if (spec.resourceClaims?.length)
    hold('resourceClaims', 'has resource claims (DRA), which do not travel yet');
  for (const container of containersOf(spec)) {
    for (const { hostPort } of container.ports ?? []) {
      const where = `hostPort of container ${container.name}`;
      if (hostPort) hold('ports[].hostPort', `opens port ${hostPort} of its node (${where})`);
    }
  }
  for (const volume of spec.volumes ?? []) {
    const kept = keptVolume(volume);
    if (kept !== undefined) hold(`volumes[].${kept.field}`, kept.reason);
  }
  const account = spec.serviceAccountName ?? 'default';
  if (account !== 'default' && spec.volumes?.some(isServiceAccountToken)) {
    hold(
      'serviceAccountName',
      `uses service account ${account}, whose token does not travel (set automountServiceAccountToken: false if it can do without)`,
    );
  }
  const { podJsonBytesMax } = negotiationBounds;
  if (utf8BytesOf(JSON.stringify(portablePod(pod))) > podJsonBytesMax)
    hold('size', `is larger than the ${podJsonBytesMax / 1024} KiB that travel`);
  return verdicts;
}

/** The objects of its namespace without which a pod would not start: neither optional ones nor tokens. */
export interface PodNeeds {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

/** Names sorted and unique, so that equal needs print alike. */
export function needsOf(spec: PodSpec): PodNeeds {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const need = (source: unknown, into: Set<string>): void => {
    const { name, secretName, optional } = (source ?? {}) as Record<string, unknown>;
    const named = name ?? secretName;
    if (typeof named === 'string' && named !== '' && optional !== true) into.add(named);
  };
  for (const container of containersOf(spec)) {
    for (const variable of list(container['env'])) {
      const from = variable['valueFrom'] as Record<string, unknown> | undefined;
      need(from?.['configMapKeyRef'], configMaps);
      need(from?.['secretKeyRef'], secrets);
    }
    for (const source of list(container['envFrom'])) {
      need(source['configMapRef'], configMaps);
      need(source['secretRef'], secrets);
    }
  }
  for (const volume of spec.volumes ?? []) {
    if (isServiceAccountToken(volume)) continue;
    need(volume['configMap'], configMaps);
    need(volume['secret'], secrets);
    for (const source of list(
      (volume['projected'] as Record<string, unknown> | undefined)?.['sources'],
    )) {
      need(source['configMap'], configMaps);
      need(source['secret'], secrets);
    }
  }
  for (const secret of list(spec['imagePullSecrets'])) need(secret, secrets);
  return { configMaps: [...configMaps].sort(), secrets: [...secrets].sort() };
}

/**
 * The pod without what stays behind: status, owners, finalizers, server-side bookkeeping, tokens. What its
 * home's API server has merged into it is there once (docs/two-api-servers.md).
 */
export function portablePod(pod: Pod): Pod {
  const { name, namespace, uid, annotations } = pod.metadata;
  const labels = pod.metadata.labels && portableLabels(pod.metadata.labels);
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations: portableAnnotations(annotations) }),
    },
    spec: mergedOnce(cutSpec(pod.spec), labels ?? {}),
  };
}

/** The labels that an API server copies from a pod's node, here the virtual one (PodTopologyLabels). */
const nodeLabels = new Set(['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']);

/** The host's API server writes them as they are there. */
function portableLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !nodeLabels.has(key)));
}

function cutSpec(spec: PodSpec): PodSpec {
  const {
    nodeName: _nodeName,
    // Its name goes along: a container may read it, and at the host no account has that name.
    serviceAccount: _accountAlias,
    priority: _priority,
    priorityClassName: _priorityClass,
    preemptionPolicy: _preemption,
    schedulerName: _scheduler,
    volumes,
    ...rest
  } = spec;
  const tokens = new Set(
    (volumes ?? []).filter(isServiceAccountToken).map((volume) => volume.name),
  );
  const kept = (volumes ?? []).filter((volume) => !tokens.has(volume.name));
  return {
    ...rest,
    containers: spec.containers.map((container) => withoutMounts(container, tokens)),
    ...(spec.initContainers && {
      initContainers: spec.initContainers.map((container) => withoutMounts(container, tokens)),
    }),
    ...(kept.length > 0 && { volumes: kept }),
  };
}

function withoutMounts(container: Container, volumes: ReadonlySet<string>): Container {
  const mounts = list(container['volumeMounts']);
  if (mounts.length === 0) return container;
  const { volumeMounts: _mounts, ...rest } = container;
  const kept = mounts.filter((mount) => !volumes.has(mount['name'] as string));
  return kept.length > 0 ? { ...rest, volumeMounts: kept } : rest;
}

/** kubectl's copy of the manifest is large and says nothing that the spec does not. What our binding writes for the home stays there. */
function portableAnnotations(
  annotations: Readonly<Record<string, string>>,
): Record<string, string> {
  const {
    'kubectl.kubernetes.io/last-applied-configuration': _applied,
    [wellKnown.boundByAnnotation]: _seal,
    [wellKnown.leftOutAnnotation]: _leftOut,
    ...rest
  } = annotations;
  return rest;
}

/** The volume that the ServiceAccount admission plugin adds: a projection with a token inside. */
export function isServiceAccountToken(volume: Volume): boolean {
  const sources = list((volume['projected'] as Record<string, unknown> | undefined)?.['sources']);
  return (
    volume.name.startsWith('kube-api-access-') &&
    sources.some((source) => 'serviceAccountToken' in source)
  );
}

/** What a projected volume may bring; all else is an identity that its cluster gives. */
const projected: ReadonlySet<string> = new Set(['configMap', 'secret', 'downwardAPI']);
const projectedWords: Readonly<Record<string, string>> = {
  serviceAccountToken: 'service account token',
  clusterTrustBundle: 'trust bundle of its cluster',
  podCertificate: 'certificate of its cluster',
};

/** The source of a volume that does not travel, and why. */
function keptVolume(
  volume: Volume,
): { readonly field: string; readonly reason: string } | undefined {
  const { name, persistentVolumeClaim: claim } = volume;
  if (claim !== undefined) {
    const reason = `uses PersistentVolumeClaim ${claim.claimName}, whose storage is at home`;
    return { field: 'persistentVolumeClaim', reason };
  }
  if ('ephemeral' in volume) {
    const reason = `uses an ephemeral claim (volume ${name}), whose storage is at home`;
    return { field: 'ephemeral', reason };
  }
  if ('hostPath' in volume)
    return { field: 'hostPath', reason: `uses a path of its node (hostPath volume ${name})` };
  if (isServiceAccountToken(volume)) return undefined;
  const sources = list((volume['projected'] as Record<string, unknown> | undefined)?.['sources']);
  const kept = sources
    .flatMap((source) => Object.keys(source))
    .find((kind) => !projected.has(kind));
  if (kept !== undefined) {
    const reason = `mounts a ${projectedWords[kept] ?? kept} (volume ${name}), which does not travel`;
    return { field: `projected.${kept}`, reason };
  }
  const foreign = Object.keys(volume).find((field) => !travellingVolumes.has(field));
  return foreign === undefined
    ? undefined
    : { field: foreign, reason: `uses a ${foreign} volume (${name}), which does not travel` };
}

const travellingVolumes: ReadonlySet<string> = new Set([
  'name',
  'emptyDir',
  'configMap',
  'secret',
  'projected',
  'downwardAPI',
  'image',
]);

function pinnedToNode(spec: PodSpec): boolean {
  if (spec.nodeSelector?.['kubernetes.io/hostname'] !== undefined) return true;
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
      ?.nodeSelectorTerms ?? [];
  const pinned = (term: (typeof terms)[number]): boolean =>
    (term.matchFields ?? []).some(
      (field) => field.key === 'metadata.name' && field.operator === 'In',
    ) ||
    (term.matchExpressions ?? []).some(
      (expression) => expression.key === 'kubernetes.io/hostname' && expression.operator === 'In',
    );
  return terms.length > 0 && terms.every(pinned);
}

/** Surrogate pairs count as two of three bytes: never less than there are. */
function utf8BytesOf(text: string): number {
  const { podJsonBytesMax } = negotiationBounds;
  if (text.length * 3 <= podJsonBytesMax || text.length > podJsonBytesMax) return text.length;
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
  }
  return bytes;
}

function containersOf(spec: PodSpec): readonly Container[] {
  return spec.initContainers ? [...spec.initContainers, ...spec.containers] : spec.containers;
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  // What a neighbour sent may be anything.
  return value.filter(
    (each): each is Readonly<Record<string, unknown>> => typeof each === 'object' && each !== null,
  );
}
