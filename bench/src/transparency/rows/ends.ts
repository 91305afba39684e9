/** How pods, their owners and their namespaces end. */
import type { Pod } from '@spillway/core';
import type { Place } from '../place.ts';
import type { Row } from '../row.ts';

const keep = 'test.spillway.dev/keep';

async function startPod(place: Place, metadata: object = {}): Promise<Pod> {
  const { spec } = place.template();
  await place.create('Pod', 'main', { metadata, spec });
  const [pod] = await place.untilReady(1);
  if (pod === undefined) throw new Error('no pod');
  return pod;
}

async function graceOf(place: Place): Promise<unknown> {
  const graces = (await place.history()).map(
    ({ pod }) => pod.metadata['deletionGracePeriodSeconds'],
  );
  return graces.find((grace) => grace !== undefined);
}

export const endRows: readonly Row[] = [
  {
    feature: 'kubectl delete --grace-period',
    local: 'The pod ends with that grace period, and the command waits for its end.',
    expected: { code: 0, grace: 3, pods: 0 },
    async observe(place) {
      const pod = await startPod(place);
      const { code } = await place.kubectl('delete', 'pod', 'main', '--grace-period=3');
      const pods = (await place.pods()).length;
      await place.untilStopped(pod);
      return { code, grace: await graceOf(place), pods };
    },
  },
  {
    feature: 'kubectl delete --force',
    local: 'The pod is gone at once, and so is what ran for it.',
    expected: { code: 0, pods: 0 },
    async observe(place) {
      const pod = await startPod(place);
      const forced = ['--force', '--grace-period=0'];
      const { code } = await place.kubectl('delete', 'pod', 'main', ...forced);
      const pods = (await place.pods()).length;
      await place.untilStopped(pod);
      return { code, pods };
    },
  },
  {
    feature: 'Finalizers',
    local: 'A deleted pod stays until its last finalizer is removed.',
    expected: { whileKept: 1, afterwards: 0 },
    async observe(place) {
      const pod = await startPod(place, { finalizers: [keep] });
      await place.kubectl('delete', 'pod', 'main', '--wait=false');
      const whileKept = await place.until('it is being deleted', async () => {
        const pods = await place.pods();
        return pods.every(({ metadata }) => metadata.deletionTimestamp) ? pods.length : undefined;
      });
      await place.patch('Pod', 'main', { metadata: { finalizers: [] } });
      const afterwards = await place.until('it is gone', async () => {
        const { length } = await place.pods();
        return length === 0 ? length : undefined;
      });
      await place.untilStopped(pod);
      return { whileKept, afterwards };
    },
  },
  {
    feature: 'Owner references: foreground deletion',
    local: 'The pods go before their owner.',
    expected: { code: 0, pods: 0, owner: false },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 2 });
      const pods = await place.untilReady(2);
      const { code } = await place.kubectl('delete', 'replicaset', 'main', '--cascade=foreground');
      const owner = (await place.get('ReplicaSet')) !== undefined;
      const left = (await place.pods()).length;
      await Promise.all(pods.map(async (pod) => await place.untilStopped(pod)));
      return { code, pods: left, owner };
    },
  },
  {
    feature: 'Owner references: orphans',
    local: 'The pods of an owner that is deleted with `--cascade=orphan` run on without it.',
    expected: { code: 0, pods: 2, owners: 0, sameRun: true },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 2 });
      const before = await place.untilReady(2);
      const { code } = await place.kubectl('delete', 'replicaset', 'main', '--cascade=orphan');
      const pods = await place.untilReady(2);
      const owners = pods.flatMap(({ metadata }) => metadata.ownerReferences ?? []).length;
      const uids = (of: readonly Pod[]): string =>
        of.map((pod) => place.running(pod)?.metadata.uid).join();
      return {
        code,
        pods: pods.length,
        owners,
        sameRun: uids(pods) === uids(before),
      };
    },
  },
  {
    feature: 'Namespace deletion',
    local: 'All pods of the namespace end, and it is gone.',
    expected: { code: 0, left: false },
    async observe(place) {
      await place.createSet('Deployment', { replicas: 2 });
      const pods = await place.untilReady(2);
      const { code } = await place.kubectl('delete', 'namespace', place.namespace);
      const found = await place.kubectl('get', 'namespace', place.namespace, '-o', 'name');
      await Promise.all(pods.map(async (pod) => await place.untilStopped(pod)));
      return { code, left: found.code === 0 };
    },
  },
  {
    feature: 'kubectl wait',
    local: 'It ends when a pod is ready, when a pod is gone, and when a Job is complete.',
    expected: { ready: 0, running: 0, complete: 0, gone: 0 },
    async observe(place) {
      const wait = async (what: string, forWhat: string): Promise<number> =>
        (await place.kubectl('wait', what, `--for=${forWhat}`, '--timeout=150s')).code;
      await place.create('Pod', 'main', place.template());
      const template = place.template({
        plays: { runTime: '1s' },
        spec: { restartPolicy: 'Never' },
      });
      await place.create('Job', 'main', { spec: { template } });
      const [ready, running, complete] = await Promise.all([
        wait('pod/main', 'condition=Ready'),
        wait('pod/main', 'jsonpath={.status.phase}=Running'),
        wait('job/main', 'condition=Complete'),
      ]);
      const goes = wait('pod/main', 'delete');
      await place.kubectl('delete', 'pod', 'main', '--wait=false');
      return { ready, running, complete, gone: await goes };
    },
  },
];
