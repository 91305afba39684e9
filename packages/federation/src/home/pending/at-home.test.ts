/** Pods that stay at home though finding a node is not enough: those with volumes, those that preempt. */
import type {
  ClusterEvent,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
  PodUid,
} from '@spillway/core';
import { selectedNodeAnnotation } from '@spillway/scheduling';
import { describe, expect, test } from 'vitest';
import { nearest, type PlacementPolicy } from '../../policy/policy.ts';
import { node, podOf } from '../../testing/fixtures.ts';
import { homeOf, only, policyOf } from '../../testing/home.ts';
import { homeDefaults } from '../config.ts';
import type { HomeEffect } from '../events.ts';

const { batchMs, retryMsMax, volumesMsMax } = homeDefaults;
const bindCompleted = 'pv.kubernetes.io/bind-completed';

interface Setting {
  readonly nodes?: readonly Node[];
  readonly policy?: PlacementPolicy;
  /** With a neighbour that has as many CPUs. */
  readonly neighbourCpu?: string;
}

function atHome({ nodes = [node('n', '1')], policy = nearest, neighbourCpu }: Setting = {}) {
  const lyon = { name: 'lyon', cpu: neighbourCpu ?? '0', rttMs: 10 };
  const tested = homeOf({
    nodes,
    neighbours: neighbourCpu === undefined ? [] : [lyon],
    policies: { policyFor: () => policyOf(policy) },
  });
  tested.step({ kind: 'synced' });
  return { ...tested, see: tested.watch };
}

const set = (pod: Pod): ClusterEvent => ({ kind: 'Pod', type: 'set', object: pod });
const kinds = (effects: readonly HomeEffect[]): readonly string[] =>
  effects.map(({ kind }) => kind).filter((kind) => kind !== 'explain');

function withSpec(pod: Pod, spec: Partial<PodSpec>): Pod {
  return { ...pod, spec: { ...pod.spec, ...spec } };
}

test('what is wrong with the pod itself is told without a number of nodes', () => {
  const { later, see } = atHome({ nodes: [node('n', '1'), node('m', '1')] });
  const claimed = { name: 'v', persistentVolumeClaim: { claimName: 'data' } };
  see(set(withSpec(podOf('a'), { volumes: [claimed] })));
  expect(only(later(batchMs), 'explain').message).toMatch(
    /^0\/2 nodes are available at home: persistentvolumeclaim "data" not found\./,
  );
});

describe('a pod whose claim waits for its first pod', () => {
  const claim = (
    given: {
      readonly version?: string;
      readonly annotations?: Readonly<Record<string, string>>;
      readonly volumeName?: string;
    } = {},
  ): ClusterEvent & { readonly object: PersistentVolumeClaim } => ({
    kind: 'PersistentVolumeClaim',
    type: 'set',
    object: {
      metadata: {
        name: 'data',
        namespace: 'default',
        uid: 'uid-data',
        resourceVersion: given.version ?? '1',
        ...(given.annotations && { annotations: given.annotations }),
      },
      spec: {
        storageClassName: 'late',
        resources: { requests: { storage: '1Gi' } },
        ...(given.volumeName && { volumeName: given.volumeName }),
      },
    },
  });
  const volume = (spec: PersistentVolume['spec'] = {}, resourceVersion = '1'): ClusterEvent => ({
    kind: 'PersistentVolume',
    type: 'set',
    object: {
      metadata: { name: 'v', resourceVersion },
      spec: { storageClassName: 'late', capacity: { storage: '1Gi' }, ...spec },
      status: { phase: 'Available' },
    },
  });
  const pod = withSpec(podOf('a'), {
    volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }],
  });
  const uid = 'uid-a' as PodUid;
  const selected = { [selectedNodeAnnotation]: 'n' };

  function homeWith(provisioner: string, ...more: readonly ClusterEvent[]) {
    const tested = atHome();
    const metadata = { name: 'late' };
    const volumeBindingMode = 'WaitForFirstConsumer';
    const object = { metadata, provisioner, volumeBindingMode };
    tested.see({ kind: 'StorageClass', type: 'set', object });
    for (const event of [...more, set(pod)]) tested.see(event);
    return tested;
  }

  test('selects the node on the claim, and is bound once the claim is', () => {
    const { later, step, see, home } = homeWith('disks.example', claim());
    const { writes } = only(later(batchMs), 'bindVolumes');
    expect(writes).toMatchObject([
      {
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'data', resourceVersion: '1' },
        annotations: selected,
      },
    ]);
    expect(step({ kind: 'volumesWritten', uid, outcome: 'ok' })).toEqual([]);
    expect(home.explain('default', 'a')).toMatchObject({
      message: 'waits for its volumes on node n: PersistentVolumeClaim data',
    });
    expect(see(claim({ version: '2', annotations: selected }))).toEqual([]);
    see(volume({ claimRef: { uid: 'uid-data' } }));
    const annotations = { ...selected, [bindCompleted]: 'yes' };
    const effects = see(claim({ version: '3', annotations, volumeName: 'v' }));
    expect(effects).toMatchObject([{ kind: 'bindLocally', node: 'n' }]);
  });

  test('sets a volume aside where the class provisions none', () => {
    const { later } = homeWith('kubernetes.io/no-provisioner', claim(), volume());
    expect(only(later(batchMs), 'bindVolumes').writes).toMatchObject([
      {
        kind: 'PersistentVolume',
        metadata: { name: 'v', resourceVersion: '1' },
        annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' },
        claimRef: { namespace: 'default', name: 'data', uid: 'uid-data', resourceVersion: '1' },
      },
    ]);
  });

  test('is placed again when the provisioner takes the node off the claim', () => {
    const { later, step, see, ledger } = homeWith('disks.example', claim());
    later(batchMs);
    step({ kind: 'volumesWritten', uid, outcome: 'ok' });
    see(claim({ version: '2', annotations: selected }));
    const told = see(claim({ version: '3' }));
    expect(only(told, 'explain').message).toBe(
      'binding volumes: provisioning failed for persistentvolumeclaim "data"',
    );
    expect(ledger.pod(uid)).toBeUndefined();
    expect(kinds(later(retryMsMax))).toEqual(['bindVolumes']);
  });

  test('is placed again when its claim could not be written', () => {
    const { later, step } = homeWith('disks.example', claim());
    later(batchMs);
    step({ kind: 'volumesWritten', uid, outcome: 'failed' });
    expect(kinds(later(retryMsMax))).toEqual(['bindVolumes']);
  });

  test('is placed again after a bounded time, on the node that the claim keeps', () => {
    const { later, step, see } = homeWith('disks.example', claim());
    later(batchMs);
    step({ kind: 'volumesWritten', uid, outcome: 'ok' });
    see(claim({ version: '2', annotations: selected }));
    expect(later(volumesMsMax - 1)).toEqual([]);
    expect(only(later(1), 'explain').message).toContain('timed out waiting for data');
    // The claim says all: there is nothing to write again.
    expect(kinds(later(retryMsMax))).toEqual([]);
    see(volume({ claimRef: { uid: 'uid-data' } }));
    const annotations = { ...selected, [bindCompleted]: 'yes' };
    expect(kinds(see(claim({ version: '3', annotations, volumeName: 'v' })))).toEqual([
      'bindLocally',
    ]);
  });

  test('is bound by an agent that starts after the claim was written', () => {
    const { later, see } = homeWith('disks.example', claim({ annotations: selected }));
    expect(kinds(later(batchMs))).toEqual([]);
    see(volume({ claimRef: { uid: 'uid-data' } }));
    const annotations = { ...selected, [bindCompleted]: 'yes' };
    expect(kinds(see(claim({ version: '2', annotations, volumeName: 'v' })))).toEqual([
      'bindLocally',
    ]);
  });

  test('gives its room and its volume back when it is deleted meanwhile', () => {
    const { later, see, ledger } = homeWith('kubernetes.io/no-provisioner', claim(), volume());
    later(batchMs);
    expect(ledger.snapshot.volume('v')?.spec?.claimRef).toBeDefined();
    see({ kind: 'Pod', type: 'deleted', object: pod });
    expect(ledger.snapshot.volume('v')?.spec?.claimRef).toBeUndefined();
    expect(ledger.pod(uid)).toBeUndefined();
  });

  test('shares the node of a pod with the same claim', () => {
    const { later, see } = homeWith('disks.example', claim());
    see({ kind: 'Node', type: 'set', object: node('m', '4') });
    see(set({ ...pod, metadata: { ...pod.metadata, name: 'b', uid: 'uid-b' } }));
    const effects = later(batchMs);
    // The second one finds the node selected, and has nothing to write.
    expect(kinds(effects)).toEqual(['bindVolumes']);
    expect(only(effects, 'bindVolumes').writes).toMatchObject([
      { annotations: { [selectedNodeAnnotation]: 'm' } },
    ]);
  });
});

describe('a pod of high priority that fits nowhere', () => {
  const low = (name: string, facts: Parameters<typeof podOf>[1] = {}): Pod =>
    withSpec(podOf(name, { nodeName: 'n', ...facts }), { priority: 0 });
  const urgent = (name = 'urgent'): Pod => withSpec(podOf(name), { priority: 1000 });
  const ending = (pod: Pod): Pod => ({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: 'set' },
    status: {
      phase: 'Running',
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }],
    },
  });
  const nominatedTo = (pod: Pod, nominatedNodeName: string): Pod => ({
    ...pod,
    status: { ...pod.status, nominatedNodeName },
  });

  function fullHome(setting: Setting = {}) {
    const tested = atHome(setting);
    tested.see(set(low('p')));
    tested.see(set(urgent()));
    return tested;
  }
  const uid = 'uid-urgent' as PodUid;

  test('ends one of lower priority, and is bound when that is gone', () => {
    const { later, step, see, home } = fullHome();
    const effect = only(later(batchMs), 'preempt');
    expect(effect).toMatchObject({ node: 'n', victims: [{ name: 'p', uid: 'uid-p' }] });
    expect(home.explain('default', 'urgent')).toMatchObject({
      message: 'waits on node n for pods to end that were preempted for it',
    });
    step({ kind: 'preempted', uid, outcome: 'ok' });
    see(set(ending(low('p'))));
    expect(kinds(later(retryMsMax))).toEqual([]);
    see({ kind: 'Pod', type: 'deleted', object: low('p') });
    expect(later(batchMs)).toMatchObject([{ kind: 'bindLocally', node: 'n' }]);
  });

  test('asks neighbours first, and preempts only when none has room', () => {
    const { later, grant } = fullHome({ neighbourCpu: '4' });
    expect(kinds(grant(only(later(batchMs), 'reserve'), 0))).toEqual(['preempt']);
  });

  test('leaves, where a neighbour grants room', () => {
    const { later, grant } = fullHome({ neighbourCpu: '4' });
    // The host tries the pod before it is bound; nobody is preempted for it.
    expect(kinds(grant(only(later(batchMs), 'reserve'), 1))).toEqual(['try']);
  });

  test('preempts before it asks anybody, where its policy says so', () => {
    const policy = { ...nearest, preempt: 'first' as const };
    expect(kinds(fullHome({ neighbourCpu: '4', policy }).later(batchMs))).toEqual(['preempt']);
  });

  test('ends nobody when its preemptionPolicy is Never', () => {
    const { later, see } = atHome();
    see(set(low('p')));
    see(set(withSpec(urgent(), { preemptionPolicy: 'Never' })));
    expect(kinds(later(batchMs))).toEqual([]);
  });

  test('keeps the room that it waits for from others of its priority', () => {
    const { later, step, see } = fullHome();
    later(batchMs);
    step({ kind: 'preempted', uid, outcome: 'ok' });
    see({ kind: 'Pod', type: 'deleted', object: low('p') });
    see(set(urgent('second')));
    expect(later(batchMs)).toMatchObject([
      { kind: 'bindLocally', ref: { name: 'urgent' } },
      { kind: 'explain', ref: { name: 'second' } },
    ]);
  });

  test('is not tried again while its calls are under way, and is when they fail', () => {
    const { later, step } = fullHome();
    later(batchMs);
    expect(kinds(later(retryMsMax))).toEqual([]);
    step({ kind: 'preempted', uid, outcome: 'failed' });
    expect(kinds(later(retryMsMax))).toEqual(['preempt']);
  });

  test('ends no more pods after a restart while its victims are ending', () => {
    const { later, see } = atHome({ nodes: [node('n', '1'), node('m', '1')] });
    see(set(ending(low('p'))));
    see(set(low('q', { nodeName: 'm' })));
    see(set(nominatedTo(urgent(), 'n')));
    expect(kinds(later(batchMs))).toEqual([]);
    see({ kind: 'Pod', type: 'deleted', object: low('p') });
    expect(later(batchMs)).toMatchObject([{ kind: 'bindLocally', node: 'n' }]);
  });

  test('gives its nomination up when preempting can help no more', () => {
    const { later, see, ledger } = atHome();
    see(set(withSpec(low('p'), { priority: 2000 })));
    see(set(nominatedTo(urgent(), 'n')));
    expect(ledger.pod(uid)?.node).toBe('n');
    expect(kinds(later(batchMs))).toEqual(['unnominate']);
    expect(ledger.pod(uid)).toBeUndefined();
  });
});
