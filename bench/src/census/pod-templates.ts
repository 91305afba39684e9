/**
 * The pod templates of an object. For Kubernetes' own kinds, they are where their API has them. For every
 * other kind, they are anything with the shape of a template. So KubeRay's or Kubeflow's objects count
 * without being known by name.
 */
import type { Pod } from '@spillway/core';
import {
  isRecord,
  nameOf,
  type PlacedManifest,
  podOfTemplate,
  type PodsContext,
} from '@spillway/manifests';

export interface PodTemplate {
  /** Of the object that it stands in. */
  readonly kind: string;
  /** `deployment/web` */
  readonly name: string;
  /** `deploy.yaml, document 2 (deployment/web)` */
  readonly where: string;
  readonly pod: Pod;
}

/** Deepest place of a template in an object: KubeRay's and JobSet's are at 5. */
const depthMax = 12;
/** Maximum number of templates in one object. */
const templatesMax = 100;

/** @throws Fault `InvalidInput`, `InvalidQuantity` naming what is wrong with a template. */
export function podTemplatesOf(
  placed: PlacedManifest,
  context: PodsContext,
): readonly PodTemplate[] {
  const { kind } = placed.manifest;
  const name = nameOf(placed.manifest);
  return shapedLikePods(placed.manifest).map((template) => {
    const pod = podOfTemplate(placed, template, context);
    return { kind, name, where: placed.where, pod: kind === 'DaemonSet' ? ofDaemonSet(pod) : pod };
  });
}

/** As its controller makes it. */
function ofDaemonSet(pod: Pod): Pod {
  const { name = '' } = pod.metadata;
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid: name, controller: true };
  return { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } };
}

function shapedLikePods(object: unknown): readonly unknown[] {
  const found: unknown[] = [];
  const look = (value: unknown, depth: number): void => {
    if (depth > depthMax || found.length >= templatesMax) return;
    if (Array.isArray(value)) for (const each of value) look(each, depth + 1);
    if (!isRecord(value)) return;
    if (isPodTemplate(value)) found.push(value);
    else for (const each of Object.values(value)) look(each, depth + 1);
  };
  look(object, 0);
  return found;
}

/** The schema in a CustomResourceDefinition has `containers`, too, but no list of them. */
function isPodTemplate({ spec }: Readonly<Record<string, unknown>>): boolean {
  const containers = isRecord(spec) ? spec['containers'] : undefined;
  if (!Array.isArray(containers) || containers.length === 0) return false;
  return containers.every((each) => isRecord(each) && ('image' in each || 'name' in each));
}
