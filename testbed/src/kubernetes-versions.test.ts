import { describe, expect, test } from 'vitest';
import { pinnedVersion } from './binaries.ts';
import { controlPlaneModule, moduleOf } from './go-programs.ts';
import {
  askedKubernetes,
  defaultKubernetes,
  kubernetesMinor,
  kubernetesMinors,
  kubernetesVersions,
} from './kubernetes-versions.ts';

describe('kubernetesVersions', () => {
  test.each(kubernetesMinors)('%s is what its Go modules are pinned to', (minor) => {
    expect(pinnedVersion(controlPlaneModule(minor))).toBe(kubernetesVersions[minor]);
    expect(kubernetesVersions[minor]).toMatch(new RegExp(`^v${minor.replace('.', '\\.')}\\.\\d+$`));
  });
});

describe('moduleOf', () => {
  test('each version has its own control plane; etcd, kubectl and KWOK are built once', () => {
    for (const program of [
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
    ] as const) {
      expect(kubernetesMinors.map((minor) => moduleOf(program, minor))).toEqual(
        kubernetesMinors.map(controlPlaneModule),
      );
    }
    for (const program of ['etcd', 'kubectl', 'kwok', 'kubelet'] as const) {
      expect(new Set(kubernetesMinors.map((minor) => moduleOf(program, minor))).size).toBe(1);
    }
  });
});

describe('kubernetesMinor', () => {
  test.each(['1.37', '1.37.2', 'v1.37.2'])('takes %s', (text) => {
    expect(kubernetesMinor(text)).toBe('1.37');
  });

  test.each(['1.34', '1.37.1', '37', 'latest', ''])(
    'refuses "%s", and names what there is',
    (text) => {
      expect(() => kubernetesMinor(text)).toThrow(
        `There is no Kubernetes "${text}" here. Choose one of 1.35.4, 1.36.3, 1.37.2`,
      );
    },
  );
});

describe('askedKubernetes', () => {
  test('is the default where the environment says nothing', () => {
    expect(askedKubernetes({})).toBe(defaultKubernetes);
    expect(askedKubernetes({ SPILLWAY_KUBERNETES: '' })).toBe(defaultKubernetes);
  });

  test('is what the environment says, and a mistake names the variable', () => {
    expect(askedKubernetes({ SPILLWAY_KUBERNETES: '1.35' })).toBe('1.35');
    expect(() => askedKubernetes({ SPILLWAY_KUBERNETES: '1.2' })).toThrow(
      'SPILLWAY_KUBERNETES: There is no Kubernetes "1.2"',
    );
  });
});
