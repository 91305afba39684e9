import type {
  NodeName,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodUid,
} from '@spillway/core';
import type { PodRef } from '@spillway/federation';
import { waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PlacementWrites } from './placement-writes.ts';
import { Pods } from './pods.ts';
import { type AgentCluster, startAgentCluster, systemClock } from './testing/agent-cluster.ts';

const soon = { timeoutMs: 30_000, everyMs: 20 };
const selectedNode = 'volume.kubernetes.io/selected-node';
const node = 'node-1' as NodeName;

let agent: AgentCluster;
let pods: Pods;
let writes: PlacementWrites;

beforeAll(async () => {
  agent = await startAgentCluster();
  pods = new Pods(agent.api);
  writes = new PlacementWrites(agent.api, pods, systemClock);
  await agent.cluster.apply(`
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: late }
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
`);
  await waitFor(
    'shop’s service account',
    () => agent.cluster.client.get('/api/v1/namespaces/shop/serviceaccounts/default'),
    soon,
  );
});

afterAll(async () => await agent?.stop());

async function newClaim(name: string): Promise<PersistentVolumeClaim> {
  return await agent.cluster.client.call('POST', claimsPath, {
    metadata: { name, annotations: { 'example.com/kept': 'yes' } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'late',
      resources: { requests: { storage: '1Gi' } },
    },
  });
}

async function newVolume(name: string): Promise<PersistentVolume> {
  const made = await agent.cluster.client.call('POST', '/api/v1/persistentvolumes', {
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'late',
      capacity: { storage: '1Gi' },
      hostPath: { path: '/mnt' },
    },
  });
  expect(made).toBeDefined();
  const path = `/api/v1/persistentvolumes/${name}`;
  return await waitFor(
    'the volume to be available',
    async () => {
      const volume = await agent.cluster.client.get<PersistentVolume>(path);
      return volume.status?.phase === 'Available' ? volume : undefined;
    },
    soon,
  );
}

const claimsPath = '/api/v1/namespaces/shop/persistentvolumeclaims';
const readClaim = async (name: string): Promise<PersistentVolumeClaim> =>
  await agent.cluster.client.get(`${claimsPath}/${name}`);

function selecting({ metadata }: PersistentVolumeClaim) {
  return {
    kind: 'PersistentVolumeClaim',
    metadata,
    annotations: { [selectedNode]: node },
  } as const;
}

function settingAside({ metadata }: PersistentVolume, claim: PersistentVolumeClaim) {
  const { namespace = '', name = '', uid = '' } = claim.metadata;
  return {
    kind: 'PersistentVolume',
    metadata,
    annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' },
    claimRef: { namespace, name, uid },
  } as const;
}

describe('writeVolume', () => {
  test('selects a node on a claim, and leaves its other annotations alone', async () => {
    const claim = await newClaim('selected');
    await writes.writeVolume(selecting(claim));
    const { annotations } = (await readClaim('selected')).metadata;
    expect(annotations).toMatchObject({ [selectedNode]: node, 'example.com/kept': 'yes' });
  });

  test('writes nothing on a claim that has changed since it was read', async () => {
    const claim = await newClaim('changed');
    await agent.cluster.client.call(
      'PATCH',
      `${claimsPath}/changed`,
      { metadata: { labels: { changed: 'yes' } } },
      'application/merge-patch+json',
    );
    await expect(writes.writeVolume(selecting(claim))).rejects.toMatchObject({ code: 'Conflict' });
    expect((await readClaim('changed')).metadata.annotations).not.toHaveProperty(selectedNode);
  });

  test('sets a volume aside for a claim, and kube-controller-manager binds the two', async () => {
    const [claim, volume] = [await newClaim('bound'), await newVolume('for-bound')];
    await writes.writeVolume(settingAside(volume, claim));
    const bound = await waitFor(
      'the claim to be bound',
      async () => {
        const now = await readClaim('bound');
        return now.status?.phase === 'Bound' ? now : undefined;
      },
      soon,
    );
    expect(bound.spec?.volumeName).toBe('for-bound');
  });

  test('sets no volume aside that someone else has taken meanwhile', async () => {
    const [first, second] = [await newClaim('first'), await newClaim('second')];
    const volume = await newVolume('wanted');
    await writes.writeVolume(settingAside(volume, first));
    const late = writes.writeVolume(settingAside(volume, second));
    await expect(late).rejects.toMatchObject({ code: 'Conflict' });
  });
});

describe('preemption', () => {
  async function newPod(name: string, spec: object = {}): Promise<Pod> {
    return await agent.cluster.client.call<Pod>('POST', '/api/v1/namespaces/shop/pods', {
      metadata: { name },
      spec: {
        schedulerName: 'nobody',
        terminationGracePeriodSeconds: 7,
        containers: [{ name: 'c', image: 'i' }],
        ...spec,
      },
    });
  }
  const refOf = ({ metadata }: Pod): PodRef => ({
    namespace: 'shop',
    name: metadata.name ?? '',
    uid: metadata.uid as PodUid,
  });
  const read = async ({ metadata }: Pod): Promise<Pod | undefined> =>
    await pods.getPod('shop', metadata.name ?? '');
  const another = (pod: Pod): PodRef => ({ ...refOf(pod), uid: 'another' as PodUid });

  test('nominates a pod to a node, and takes that back', async () => {
    const pod = await newPod('waiting');
    expect(await writes.nominate(refOf(pod), node)).toBe('ok');
    expect((await read(pod))?.status?.nominatedNodeName).toBe(node);
    expect(await writes.nominate(refOf(pod), undefined)).toBe('ok');
    expect((await read(pod))?.status).not.toHaveProperty('nominatedNodeName');
    expect(await writes.nominate(another(pod), node)).toBe('gone');
  });

  test('marks the pod that is to end, then deletes it with the grace that it asks for', async () => {
    // Nobody runs this node, so that the pod stays, terminating.
    const pod = await newPod('victim', { nodeName: 'nobodys' });
    expect(await writes.endPreempted(refOf(pod))).toBe('ok');
    const ending = await read(pod);
    expect(ending?.metadata).toMatchObject({ deletionGracePeriodSeconds: 7 });
    expect(ending?.status?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
      }),
    );
  });

  test('leaves a pod alone that has only the name', async () => {
    const pod = await newPod('namesake', { nodeName: 'nobodys' });
    expect(await writes.endPreempted(another(pod))).toBe('gone');
    const there = await read(pod);
    expect(there?.metadata.deletionTimestamp).toBeUndefined();
    expect(there?.status?.conditions ?? []).not.toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget' }),
    );
  });
});
