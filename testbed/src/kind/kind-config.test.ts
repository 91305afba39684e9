import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kindConfig, subnetsOf } from './kind-config.ts';

const paris = { name: 'paris', city: undefined, nodes: [] };
const [subnets = { podSubnet: '', serviceSubnet: '' }] = subnetsOf(1);
const options = { subnets, apiServerPort: 10_001, nodeGraceSeconds: undefined };

describe('kindConfig', () => {
  test('one node by default, at a given port, with kind’s own subnets', () => {
    expect(parse(kindConfig(paris, options))).toEqual({
      kind: 'Cluster',
      apiVersion: 'kind.x-k8s.io/v1alpha4',
      networking: {
        apiServerPort: 10_001,
        podSubnet: '10.244.0.0/16',
        serviceSubnet: '10.96.0.0/16',
      },
      nodes: [{ role: 'control-plane' }],
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

describe('subnets of a test bed’s clusters', () => {
  test('are the same, as in most people’s clusters', () => {
    const [first, second] = subnetsOf(2);
    expect(second).toEqual(first);
  });

  test('are distinct where that is asked for', () => {
    const distinct = subnetsOf(100, true);
    const all = distinct.flatMap(({ podSubnet, serviceSubnet }) => [podSubnet, serviceSubnet]);
    expect(new Set(all).size).toBe(200);
    expect(distinct[1]).toEqual({ podSubnet: '10.1.0.0/16', serviceSubnet: '10.101.0.0/16' });
  });
});
