/** Deployments and ReplicaSets. */
import { fewestReady } from '../pod-story.ts';
import { imageOf, imagesOf, isReady, type Place } from '../place.ts';
import type { Row } from '../row.ts';

const deployment = 'deployment/main';
const [first, second] = [imageOf(1), imageOf(2)];

async function rolledOut(place: Place): Promise<string> {
  const { stdout, stderr } = await place.kubectl('rollout', 'status', deployment, '--timeout=150s');
  return (stdout + stderr).trim().split('\n').at(-1) ?? '';
}

/** Those of the newest template, once the others are gone. */
async function settledImages(place: Place, replicas: number): Promise<readonly unknown[]> {
  return imagesOf(await place.untilReady(replicas));
}

const done = 'deployment "main" successfully rolled out';

export const deploymentRows: readonly Row[] = [
  {
    feature: 'Deployment: rollout status',
    local: '`kubectl rollout status` ends once all replicas are available.',
    expected: { said: done, available: 3 },
    async observe(place) {
      await place.createSet('Deployment', { replicas: 3 });
      const said = await rolledOut(place);
      return { said, available: (await place.get('Deployment'))?.status?.['availableReplicas'] };
    },
  },
  {
    feature: 'Deployment: rolling update with maxUnavailable 0',
    local: 'All 4 replicas are replaced, and never fewer than 4 are ready.',
    expected: { fewestReady: 4, said: done, images: [second, second, second, second] },
    async observe(place) {
      const rollingUpdate = { maxUnavailable: 0, maxSurge: 1 };
      const strategy = { type: 'RollingUpdate', rollingUpdate };
      await place.createSet('Deployment', { replicas: 4, strategy });
      await rolledOut(place);
      await place.setImage('Deployment', 2);
      const said = await rolledOut(place);
      const images = await settledImages(place, 4);
      return { fewestReady: fewestReady(await place.history(), 4), said, images };
    },
  },
  {
    feature: 'Deployment: pause and resume',
    local: 'A paused Deployment starts no rollout. Resumed, it does.',
    expected: { setsWhilePaused: 1, imagesWhilePaused: [first], images: [second] },
    async observe(place) {
      await place.createSet('Deployment', { replicas: 1 });
      await rolledOut(place);
      await place.kubectl('rollout', 'pause', deployment);
      await place.setImage('Deployment', 2);
      await place.until('the controller has seen it', async () => {
        const { metadata, status } = (await place.get('Deployment')) ?? {};
        return metadata?.generation === status?.['observedGeneration'] || undefined;
      });
      const setsWhilePaused = (await place.list('ReplicaSet')).length;
      const imagesWhilePaused = imagesOf(await place.pods());
      await place.kubectl('rollout', 'resume', deployment);
      await rolledOut(place);
      return { setsWhilePaused, imagesWhilePaused, images: await settledImages(place, 1) };
    },
  },
  {
    feature: 'Deployment: rollback',
    local: '`kubectl rollout undo` brings back the template before.',
    expected: { images: [first, first], revision: '3' },
    async observe(place) {
      await place.createSet('Deployment', { replicas: 2 });
      await rolledOut(place);
      await place.setImage('Deployment', 2);
      await rolledOut(place);
      await place.kubectl('rollout', 'undo', deployment);
      await rolledOut(place);
      const images = await settledImages(place, 2);
      const { metadata } = (await place.get('Deployment')) ?? {};
      return { images, revision: metadata?.annotations?.['deployment.kubernetes.io/revision'] };
    },
  },
  {
    feature: 'Deployment: scale up and down',
    local: '`kubectl scale` makes as many pods ready as it asks for, and deletes the others.',
    expected: { up: 4, down: 1 },
    async observe(place) {
      await place.createSet('Deployment', { replicas: 2 });
      await place.untilReady(2);
      await place.kubectl('scale', deployment, '--replicas=4');
      const up = (await place.untilReady(4)).length;
      await place.kubectl('scale', deployment, '--replicas=1');
      return { up, down: (await place.untilReady(1)).length };
    },
  },
  {
    feature: 'ReplicaSet: a deleted pod is replaced',
    local: 'The ReplicaSet makes another pod, which turns ready.',
    expected: { ready: 1, isAnother: true },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 1 });
      const [pod] = await place.untilReady(1);
      await place.kubectl('delete', 'pod', pod?.metadata.name ?? '');
      const [next, ...more] = await place.untilReady(1);
      const isAnother = next?.metadata.uid !== pod?.metadata.uid;
      return { ready: 1 + more.length, isAnother };
    },
  },
  {
    feature: 'ReplicaSet: scale-down by pod-deletion-cost',
    local: 'The pod with the lowest `controller.kubernetes.io/pod-deletion-cost` goes first.',
    expected: { left: 2, cheapestLeft: false },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 3 });
      const { name = '', uid } = (await place.untilReady(3))[1]?.metadata ?? {};
      const annotations = { 'controller.kubernetes.io/pod-deletion-cost': '-1' };
      await place.patch('Pod', name, { metadata: { annotations } });
      await place.kubectl('scale', 'replicaset/main', '--replicas=2');
      const left = await place.untilReady(2);
      const cheapestLeft = left.some(({ metadata }) => metadata.uid === uid);
      return { left: left.length, cheapestLeft };
    },
  },
  {
    feature: 'ReplicaSet: scale-down of pods that are not ready',
    local: 'A pod that is not ready goes before those that are.',
    expected: { readyBefore: 2, readyAreKept: true },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 2 });
      const ready = await place.untilReady(2);
      const template = place.template({ plays: { stuck: 'ImagePullBackOff' } });
      await place.patch('ReplicaSet', 'main', { spec: { replicas: 3, template } });
      const readyBefore = await place.until('the third waits for its image', async () => {
        const pods = await place.pods();
        return pods.some(isStuck) ? pods.filter(isReady).length : undefined;
      });
      await place.kubectl('scale', 'replicaset/main', '--replicas=2');
      const left = await place.untilReady(2);
      const uids = new Set(ready.map(({ metadata }) => metadata.uid));
      return { readyBefore, readyAreKept: left.every(({ metadata }) => uids.has(metadata.uid)) };
    },
  },
  {
    feature: 'Deployment: a rollout that does not progress',
    local: 'The Deployment says ProgressDeadlineExceeded, and the old pods stay.',
    expected: { progressing: 'ProgressDeadlineExceeded', oldReady: 1 },
    async observe(place) {
      const rollingUpdate = { maxUnavailable: 0, maxSurge: 1 };
      const strategy = { type: 'RollingUpdate', rollingUpdate };
      await place.createSet('Deployment', { replicas: 1, strategy, progressDeadlineSeconds: 15 });
      await rolledOut(place);
      const template = place.template({ plays: { stuck: 'ImagePullBackOff' } });
      await place.patch('Deployment', 'main', { spec: { template } });
      const progressing = await place.until('it says so', async () => {
        const found = (await place.get('Deployment'))?.status?.conditions?.find(
          ({ type, status }) => type === 'Progressing' && status === 'False',
        );
        return found?.reason;
      });
      return { progressing, oldReady: (await place.pods()).filter(isReady).length };
    },
  },
];

function isStuck(pod: Parameters<typeof isReady>[0]): boolean {
  return pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff';
}
