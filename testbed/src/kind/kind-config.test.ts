import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kindConfig } from './kind-config.ts';

const paris = { name: 'paris', city: undefined, nodes: [] };
const options = { index: 0, apiServerPort: 10_001, nodeGraceSeconds: undefined };

describe('kindConfig', () => {
  test('one node by default, with a port and subnets that no other cluster of the test bed has', () => {
    const [first, second] = [0, 1].map((index) =>
      parse(kindConfig(paris, { ...options, index, apiServerPort: 10_001 + index })),
    );
    expect(first).toEqual({
      kind: 'Cluster',
      apiVersion: 'kind.x-k8s.io/v1alpha4',
      networking: {
        apiServerPort: 10_001,
        podSubnet: '10.0.0.0/16',
        serviceSubnet: '10.100.0.0/16',
      },
      nodes: [{ role: 'control-plane' }],
    });
    expect(second.networking).toEqual({
      apiServerPort: 10_002,
      podSubnet: '10.1.0.0/16',
      serviceSubnet: '10.101.0.0/16',
    });
  });

  test('labels are the control plane’s first, then the workers’', () => {
    const text = kindConfig({ ...paris, workers: 2, nodeLabels: [{}, { zone: 'a' }] }, options);
    expect(parse(text).nodes).toEqual([
      { role: 'control-plane', labels: {} },
      { role: 'worker', labels: { zone: 'a' } },
      { role: 'worker' },
    ]);
  });

  test('labels for a node that there is not are refused, with both numbers', () => {
    const spec = { ...paris, nodeLabels: [{}, {}] };
    expect(() => kindConfig(spec, options)).toThrow('paris: labels for 2 nodes, and there are 1');
  });

  test('what the machine needs and the grace of lost nodes are patches', () => {
    const config = parse(
      kindConfig(paris, {
        ...options,
        nodeGraceSeconds: 20,
        kubeadmPatches: ['kubelet'],
        containerdPatches: ['containerd'],
      }),
    );
    expect(config.kubeadmConfigPatches[0]).toBe('kubelet');
    expect(parse(config.kubeadmConfigPatches[1])).toEqual({
      kind: 'ClusterConfiguration',
      controllerManager: { extraArgs: { 'node-monitor-grace-period': '20s' } },
    });
    expect(config.containerdConfigPatches).toEqual(['containerd']);
  });
});
