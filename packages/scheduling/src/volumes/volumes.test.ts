import type {
  NodeName,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../evaluation.ts';
import { Ledger } from '../ledger.ts';
import {
  type Looked,
  looked,
  node,
  pod,
  type PodFacts,
  shape,
  snapshotOf,
} from '../testing/fixtures.ts';
import { selectedNodeAnnotation, volumePlan, type VolumePlan } from './volume-plan.ts';
import { volumeProgress } from './volume-progress.ts';

const nodes = [node('a', '4', { zone: 'east' }), node('b', '4', { zone: 'west' })];
const a = 'a' as NodeName;
const noMatch = "node(s) didn't find available persistent volumes to bind";
const noSpace = 'node(s) did not have enough free storage';

const usesData: PodFacts = {
  spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] },
};
const usesTwo: PodFacts = {
  spec: {
    volumes: ['data', 'logs'].map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
  },
};

function storageClass(given: Partial<StorageClass> = {}): Looked {
  return looked('StorageClass', {
    metadata: { name: 'late' },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
    ...given,
  });
}

function claim(
  name: string,
  given: {
    readonly size?: string;
    readonly metadata?: PersistentVolumeClaim['metadata'];
    readonly spec?: PersistentVolumeClaim['spec'];
    readonly status?: PersistentVolumeClaim['status'];
  } = {},
): PersistentVolumeClaim {
  const { size = '1Gi', metadata, spec, status } = given;
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', ...metadata },
    spec: {
      storageClassName: 'late',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...spec,
    },
    ...(status && { status }),
  };
}

function volume(
  name: string,
  given: { readonly size?: string; readonly on?: string; readonly spec?: object } = {},
): PersistentVolume {
  const { size = '1Gi', on, spec } = given;
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [on ?? ''] }];
  return {
    metadata: { name, resourceVersion: '1' },
    spec: {
      storageClassName: 'late',
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: size },
      ...(on && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } }),
      ...spec,
    },
    status: { phase: 'Available' },
  };
}

const aClaim = (object: PersistentVolumeClaim): Looked => looked('PersistentVolumeClaim', object);
const aVolume = (object: PersistentVolume): Looked => looked('PersistentVolume', object);

/** `a: v1` for a volume that is set aside, `a: data!` for a claim that is to be provisioned. */
function plans(given: readonly Looked[], facts: PodFacts = usesData): readonly string[] {
  const snapshot = snapshotOf({ nodes, looked: given });
  return nodes.flatMap(({ metadata }) => {
    const plan = volumePlan(snapshot, shape(facts), metadata.name as NodeName);
    return plan === undefined ? [] : [`${plan.node}: ${textOf(plan)}`];
  });
}

function textOf({ bindings, provisions }: VolumePlan): string {
  return [
    ...bindings.map((each) => `${each.claim.metadata.name}=${each.volume.metadata.name}`),
    ...provisions.map(({ metadata }) => `${metadata.name}!`),
  ].join(' ');
}

function refusals(given: readonly Looked[], facts: PodFacts = usesData): readonly string[] {
  const { verdicts, rejected } = evaluate(snapshotOf({ nodes, looked: given }), shape(facts));
  if (rejected !== undefined) return [rejected.reason];
  return [...verdicts].map(([name, all]) => `${name}: ${all.map(({ reason }) => reason).join()}`);
}

describe('an unbound claim of a class that waits for its first pod', () => {
  test('gets the smallest volume that is large enough and can be used from the node', () => {
    const given = [storageClass(), aClaim(claim('data', { size: '2Gi' }))];
    const volumes = [
      volume('small', { size: '1Gi' }),
      volume('large', { size: '9Gi' }),
      volume('right', { size: '3Gi' }),
      volume('theirs', { size: '2Gi', on: 'b' }),
    ].map(aVolume);
    expect(plans([...given, ...volumes])).toEqual(['a: data=right', 'b: data=theirs']);
  });

  test.each<[string, PersistentVolume]>([
    ['of another class', volume('v', { spec: { storageClassName: 'other' } })],
    ['of another claim', volume('v', { spec: { claimRef: { namespace: 'x', name: 'data' } } })],
    ['with other access modes', volume('v', { spec: { accessModes: ['ReadOnlyMany'] } })],
    ['that is a block device', volume('v', { spec: { volumeMode: 'Block' } })],
    ['that is released', { ...volume('v'), status: { phase: 'Released' } }],
    ['that is being deleted', { ...volume('v'), metadata: { name: 'v', deletionTimestamp: 'x' } }],
  ])('gets none %s', (_, of) => {
    const given = [storageClass(), aClaim(claim('data')), aVolume(of)];
    expect(refusals(given)).toEqual([`a: ${noMatch}`, `b: ${noMatch}`]);
  });

  test('goes by the volume that was set aside for it, though a smaller one is free', () => {
    const mine = { claimRef: { namespace: 'default', name: 'data' } };
    const given = [
      storageClass(),
      aClaim(claim('data')),
      aVolume(volume('free')),
      aVolume(volume('mine', { size: '9Gi', on: 'a', spec: mine })),
    ];
    expect(plans(given)).toEqual(['a: data=mine']);
    expect(refusals(given)).toEqual([`b: ${noMatch}`]);
  });

  test('and a second one of the same pod get two volumes, the smaller claim first', () => {
    const given = [
      storageClass(),
      aClaim(claim('data', { size: '2Gi' })),
      aClaim(claim('logs', { size: '1Gi' })),
      aVolume(volume('v1', { size: '2Gi' })),
      aVolume(volume('v2', { size: '3Gi' })),
    ];
    expect(plans(given, usesTwo)).toEqual(['a: logs=v1 data=v2', 'b: logs=v1 data=v2']);
    expect(refusals(given.slice(0, -1), usesTwo)).toEqual([`a: ${noMatch}`, `b: ${noMatch}`]);
  });

  test('is provisioned on the nodes that its class allows', () => {
    const allowedTopologies = [{ matchLabelExpressions: [{ key: 'zone', values: ['west'] }] }];
    const given = [storageClass({ provisioner: 'disks.example', allowedTopologies })];
    expect(plans([...given, aClaim(claim('data'))])).toEqual(['b: data!']);
  });

  test('is provisioned where its driver says that there is room', () => {
    const driver = (storageCapacity: boolean): Looked =>
      looked('CSIDriver', { metadata: { name: 'disks.example' }, spec: { storageCapacity } });
    const capacity = (zone: string, bytes: string): Looked =>
      looked('CSIStorageCapacity', {
        metadata: { name: zone, namespace: 'disks' },
        storageClassName: 'late',
        nodeTopology: { matchLabels: { zone } },
        capacity: bytes,
      });
    const given = [storageClass({ provisioner: 'disks.example' }), aClaim(claim('data'))];
    expect(plans([...given, driver(false)])).toEqual(['a: data!', 'b: data!']);
    const rooms = [capacity('east', '1Gi'), capacity('west', '500Mi')];
    expect(plans([...given, driver(true), ...rooms])).toEqual(['a: data!']);
    expect(refusals([...given, driver(true), ...rooms])).toEqual([`b: ${noSpace}`]);
  });

  test('stays with the node that was selected for it', () => {
    const metadata = {
      name: 'data',
      namespace: 'default',
      annotations: { [selectedNodeAnnotation]: 'b' },
    };
    const given = [
      storageClass({ provisioner: 'disks.example' }),
      aClaim(claim('data', { metadata })),
    ];
    expect(plans(given)).toEqual(['b: data!']);
    expect(refusals(given)).toEqual([`a: ${noMatch}`]);
  });
});

describe('no node can do', () => {
  const immediate = 'pod has unbound immediate PersistentVolumeClaims';
  const owned = (uid: string) => ({
    name: 'new-v',
    namespace: 'default',
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'new', uid, controller: true }],
  });
  const ephemeral: PodFacts = { spec: { volumes: [{ name: 'v', ephemeral: {} }] } };

  test('while a claim of another class is unbound', () => {
    const immediately = storageClass({ volumeBindingMode: 'Immediate' });
    expect(refusals([immediately, aClaim(claim('data'))])).toEqual([immediate]);
    expect(refusals([aClaim(claim('data'))])).toEqual([immediate]);
  });

  test('until the claim of an ephemeral volume has been made', () => {
    expect(refusals([storageClass()], ephemeral)).toEqual([
      'waiting for ephemeral volume controller to create the persistentvolumeclaim "new-v"',
    ]);
  });

  test('while another pod’s claim has the name of the ephemeral one', () => {
    const of = (uid: string) => aClaim(claim('new-v', { metadata: owned(uid) }));
    const provisioned = storageClass({ provisioner: 'disks.example' });
    expect(refusals([provisioned, of('other')], ephemeral)).toEqual([
      'persistentvolumeclaim "new-v" was not created for this pod',
    ]);
    expect(refusals([provisioned, of('uid-new')], ephemeral)).toEqual([]);
  });
});

describe('what a plan will write', () => {
  const given = [
    storageClass({ provisioner: 'disks.example' }),
    aClaim(claim('data')),
    aClaim(claim('logs')),
    aVolume(volume('v1', { on: 'a' })),
  ];

  function ledgerOf(objects: readonly Looked[]): Ledger {
    const ledger = new Ledger();
    for (const object of nodes) ledger.apply({ kind: 'Node', type: 'set', object });
    for (const { kind, object } of objects) {
      ledger.apply({ kind, type: 'set', object } as Parameters<Ledger['apply']>[0]);
    }
    return ledger;
  }
  const planOf = (ledger: Ledger, facts: PodFacts): VolumePlan | undefined =>
    volumePlan(ledger.snapshot, shape(facts), a);
  const usesLogs: PodFacts = {
    spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'logs' } }] },
  };

  test('counts as written at once: no other pod gets the volume', () => {
    const ledger = ledgerOf(given);
    const plan = planOf(ledger, usesData);
    if (plan === undefined) throw new Error('there is a plan');
    expect(textOf(plan)).toBe('data=v1');
    ledger.assumeVolumes(plan);
    expect(planOf(ledger, usesLogs)?.provisions.length).toBe(1);
    ledger.forgetVolumes(plan);
    expect(planOf(ledger, usesLogs)?.bindings.length).toBe(1);
  });

  test('outlives a list that shows the object as it was, and ends with any newer version', () => {
    const ledger = ledgerOf(given);
    const plan = planOf(ledger, usesData);
    if (plan === undefined) throw new Error('there is a plan');
    ledger.assumeVolumes(plan);
    const seen = (resourceVersion: string): void => {
      const object = { ...volume('v1', { on: 'a' }), metadata: { name: 'v1', resourceVersion } };
      ledger.apply({ kind: 'PersistentVolume', type: 'set', object });
    };
    seen('1');
    expect(planOf(ledger, usesLogs)?.bindings.length).toBe(0);
    seen('2');
    expect(planOf(ledger, usesLogs)?.bindings.length).toBe(1);
    ledger.forgetVolumes(plan);
    expect(ledger.snapshot.volume('v1')?.metadata.resourceVersion).toBe('2');
  });

  test('is bound, waiting or lost, as claims and volumes show', () => {
    const ledger = ledgerOf(given);
    const plan = planOf(ledger, usesTwo);
    if (plan === undefined) throw new Error('there is a plan');
    expect(textOf(plan)).toBe('data=v1 logs!');
    ledger.assumeVolumes(plan);
    expect(volumeProgress(ledger.snapshot, plan)).toEqual({
      state: 'waiting',
      claims: ['data', 'logs'],
    });
    const set = (object: PersistentVolumeClaim): void =>
      ledger.apply({ kind: 'PersistentVolumeClaim', type: 'set', object });
    const bound = { 'pv.kubernetes.io/bind-completed': 'yes', [selectedNodeAnnotation]: 'a' };
    const boundClaim = (name: string, volumeName: string): PersistentVolumeClaim =>
      claim(name, {
        metadata: { ...claim(name).metadata, resourceVersion: '2', annotations: bound },
        spec: { ...claim(name).spec, volumeName },
      });
    set(boundClaim('data', 'v1'));
    set(boundClaim('logs', 'v2'));
    expect(volumeProgress(ledger.snapshot, plan)).toEqual({ state: 'waiting', claims: ['logs'] });
    const made = volume('v2', { spec: { claimRef: { uid: 'uid-logs' } } });
    ledger.apply({ kind: 'PersistentVolume', type: 'set', object: made });
    expect(volumeProgress(ledger.snapshot, plan)).toEqual({ state: 'bound' });
    set(claim('logs', { metadata: { ...claim('logs').metadata, resourceVersion: '3' } }));
    expect(volumeProgress(ledger.snapshot, plan)).toMatchObject({
      state: 'failed',
      reason: 'provisioning failed for persistentvolumeclaim "logs"',
    });
  });

  test('is lost with its node', () => {
    const ledger = ledgerOf(given);
    const plan = planOf(ledger, usesData);
    if (plan === undefined) throw new Error('there is a plan');
    ledger.assumeVolumes(plan);
    ledger.apply({ kind: 'Node', type: 'deleted', object: node('a', '4') });
    expect(volumeProgress(ledger.snapshot, plan)).toMatchObject({ state: 'failed' });
  });
});

describe('a node that can attach one more volume of a driver', () => {
  const csi = (volumeHandle: string) => ({ csi: { driver: 'disks.example', volumeHandle } });
  const bind = (name: string, to: string): Looked =>
    aClaim(
      claim(name, {
        metadata: {
          name,
          namespace: 'default',
          annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
        },
        spec: { volumeName: to },
      }),
    );
  const given = [
    storageClass({ provisioner: 'disks.example' }),
    bind('data', 'v1'),
    bind('logs', 'v2'),
    aVolume(volume('v1', { spec: csi('1') })),
    aVolume(volume('v2', { spec: csi('2') })),
    looked('CSINode', {
      metadata: { name: 'a' },
      spec: { drivers: [{ name: 'disks.example', allocatable: { count: 1 } }] },
    }),
  ];
  const reasons = (facts: PodFacts): readonly string[] => {
    const pods = [pod('there', { node: 'a', ...usesData })];
    const { verdicts } = evaluate(snapshotOf({ nodes, pods, looked: given }), shape(facts));
    return [...verdicts.values()].flat().map(({ reason }) => reason);
  };

  test('takes a pod whose volume is attached already, and no other', () => {
    expect(reasons(usesData)).toEqual([]);
    expect(reasons(usesTwo)).toEqual(['node(s) exceed max volume count']);
  });
});

test('a driver that must be on the node keeps its pods off the nodes that lack it', () => {
  const has = { metadata: { name: 'a' }, spec: { drivers: [{ name: 'disks.example' }] } };
  const reasons = (preventPodSchedulingIfMissing: boolean): readonly string[] => {
    const driver = { metadata: { name: 'disks.example' }, spec: { preventPodSchedulingIfMissing } };
    const given = [
      storageClass({ provisioner: 'disks.example' }),
      aClaim(
        claim('data', {
          metadata: {
            name: 'data',
            namespace: 'default',
            annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
          },
          spec: { volumeName: 'v1' },
        }),
      ),
      aVolume(volume('v1', { spec: { csi: { driver: 'disks.example', volumeHandle: '1' } } })),
      looked('CSIDriver', driver),
      looked('CSINode', has),
    ];
    const { verdicts } = evaluate(snapshotOf({ nodes, looked: given }), shape(usesData));
    return [...verdicts].flatMap(([node, said]) => said.map(({ reason }) => `${node}: ${reason}`));
  };
  expect(reasons(true)).toEqual(['b: disks.example CSI driver is not installed on the node']);
  expect(reasons(false)).toEqual([]);
});
