import { type Node, type Pod, randomStream } from '@spillway/core';
import { refOf } from '@spillway/federation';
import { beforeEach, expect, test } from 'vitest';
import { VirtualTime } from '../virtual-time.ts';
import { ModelApiServer } from './api-server.ts';
import { Kubelets } from './kubelets.ts';

const node: Node = {
  metadata: { name: 'n' },
  status: { allocatable: { cpu: '2', memory: '4Gi', pods: '9' } },
};

let time: VirtualTime;
let api: ModelApiServer;
let kubelets: Kubelets;

beforeEach(() => {
  time = new VirtualTime();
  api = new ModelApiServer({ uidPrefix: 'c', nodes: [node], namespaces: [] });
  const timing = { startMs: [10, 20], stopMs: [10, 20] } as const;
  kubelets = new Kubelets({ api, time, random: randomStream(1, 'kubelets'), timing });
});

function bound(name: string, cpu = '1'): Pod {
  const containers = [{ name: 'c', resources: { requests: { cpu } } }];
  return api.create({
    metadata: { name, namespace: 'default' },
    spec: { nodeName: 'n', containers },
  }) as Pod;
}

function settle(): void {
  time.run(time.now + 1_000, () => {});
}

function phase(pod: Pod): string | undefined {
  return api.same(refOf(pod))?.status?.phase;
}

function runs(pod: Pod): boolean {
  return kubelets.running.has(refOf(pod).uid);
}

test('what runs on a node that dies ends, and starts again with the node, though nobody was told', () => {
  const pod = bound('a');
  settle();
  kubelets.lose('n', 'dead');
  settle();
  expect([runs(pod), phase(pod)]).toEqual([false, 'Running']);
  kubelets.restore('n');
  settle();
  expect([runs(pod), phase(pod)]).toEqual([true, 'Running']);
});

test('what runs on a node that is not heard runs on, also when it is deleted, until the node is heard', () => {
  const pod = bound('a');
  settle();
  kubelets.lose('n', 'unheard');
  api.delete(refOf(pod), 30);
  settle();
  expect([runs(pod), phase(pod)]).toEqual([true, 'Running']);
  kubelets.restore('n');
  settle();
  expect([runs(pod), phase(pod)]).toEqual([false, undefined]);
});

test('a pod that is bound to a lost node starts when the node is back', () => {
  kubelets.lose('n', 'dead');
  const pod = bound('a');
  settle();
  expect([runs(pod), phase(pod)]).toEqual([false, 'Pending']);
  kubelets.restore('n');
  settle();
  expect([runs(pod), phase(pod)]).toEqual([true, 'Running']);
});

test('a kubelet tells an API server that was away what has happened meanwhile', () => {
  const pod = bound('a');
  api.goDown('breaks');
  settle();
  expect([runs(pod), phase(pod)]).toEqual([true, 'Pending']);
  api.comeUp();
  settle();
  expect(phase(pod)).toBe('Running');
});

test('a node runs no more than it has, also after it was dead', () => {
  const pods = [bound('a'), bound('b'), bound('c')];
  settle();
  expect(pods.map(phase)).toEqual(['Running', 'Running', 'Failed']);
  kubelets.lose('n', 'dead');
  kubelets.restore('n');
  settle();
  expect(pods.map(runs)).toEqual([true, true, false]);
});
