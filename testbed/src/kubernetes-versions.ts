/**
 * The Kubernetes versions that a local cluster can have: of each minor version the newest patch that the Go
 * module proxy serves. testbed/go/control-plane-MINOR pins the modules of each.
 */
import { Fault } from '@spillway/core';

export const kubernetesVersions = {
  '1.35': 'v1.35.4',
  '1.36': 'v1.36.3',
  '1.37': 'v1.37.2',
} as const;
export type KubernetesMinor = keyof typeof kubernetesVersions;

export const kubernetesMinors = Object.keys(kubernetesVersions) as readonly KubernetesMinor[];
/** Also that of kind's nodes, and of the kubectl and the etcd that every local cluster gets. */
export const defaultKubernetes: KubernetesMinor = '1.36';
/** Says the version where no option does. */
export const kubernetesVariable = 'SPILLWAY_KUBERNETES';

/** `1.37` or its full version, with or without `v`. @throws Fault `InvalidInput` that names what there is. */
export function kubernetesMinor(text: string): KubernetesMinor {
  const found = kubernetesMinors.find((minor) => {
    const full = kubernetesVersions[minor];
    return text === minor || text === full || `v${text}` === full;
  });
  if (found !== undefined) return found;
  throw new Fault(
    'InvalidInput',
    `There is no Kubernetes "${text}" here. Choose one of ${Object.values(kubernetesVersions)
      .map((full) => full.slice(1))
      .join(', ')}`,
  );
}

/** What the environment asks for, else the default. @throws Fault `InvalidInput` that names what there is. */
export function askedKubernetes(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): KubernetesMinor {
  const asked = environment[kubernetesVariable];
  if (asked === undefined || asked === '') return defaultKubernetes;
  try {
    return kubernetesMinor(asked);
  } catch (error) {
    throw new Fault('InvalidInput', `${kubernetesVariable}: ${(error as Error).message}`);
  }
}
