/** Budgets, quotas and limits, at home and at the host. */
import { conditionReason, isReady, type Place } from '../place.ts';
import type { Row } from '../row.ts';

async function atHost(place: Place, resource: string, kind: string, spec: object): Promise<void> {
  const path = `/api/v1/namespaces/${place.guestNamespace}/${resource}`;
  await place.host.client.call('POST', path, { kind, metadata: { name: 'main' }, spec });
}

async function setFailure(place: Place): Promise<string | undefined> {
  return conditionReason(await place.get('ReplicaSet'), 'ReplicaFailure');
}

export const limitRows: readonly Row[] = [
  {
    feature: 'PodDisruptionBudget and the eviction API',
    local: 'An eviction that breaks the budget is refused with 429. One that does not is done.',
    expected: { refused: 429, healthy: 3, evicted: 201, isReplaced: true },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 3 });
      const [pod] = await place.untilReady(3);
      const selector = { matchLabels: { app: 'main' } };
      await place.create('PodDisruptionBudget', 'main', { spec: { minAvailable: 3, selector } });
      const healthy = await place.until('the budget has counted', async () => {
        const { status } = (await place.get('PodDisruptionBudget')) ?? {};
        return status?.['currentHealthy'] === 3 ? 3 : undefined;
      });
      const refused = pod && (await place.evict(pod));
      await place.patch('PodDisruptionBudget', 'main', { spec: { minAvailable: 2 } });
      await place.until('one may go', async () => {
        const { status } = (await place.get('PodDisruptionBudget')) ?? {};
        return status?.['disruptionsAllowed'] === 1 || undefined;
      });
      const evicted = pod && (await place.evict(pod));
      const isReplaced = await place.until('another is ready', async () => {
        const pods = (await place.pods()).filter(isReady);
        const uids = pods.map(({ metadata }) => metadata.uid);
        return (uids.length === 3 && !uids.includes(pod?.metadata.uid)) || undefined;
      });
      return { refused, healthy, evicted, isReplaced };
    },
  },
  {
    feature: 'ResourceQuota at home',
    local: 'Pods beyond the quota are not created, and the ReplicaSet says so.',
    expected: { ready: 2, failure: 'FailedCreate', used: { pods: '2' } },
    async observe(place) {
      await place.create('ResourceQuota', 'main', { spec: { hard: { pods: '2' } } });
      await place.until('the quota counts', async () => {
        return (await place.get('ResourceQuota'))?.status?.['hard'];
      });
      await place.createSet('ReplicaSet', { replicas: 3 });
      const { length: ready } = await place.untilReady(2);
      const failure = await place.until('it says so', async () => await setFailure(place));
      const used = (await place.get('ResourceQuota'))?.status?.['used'];
      return { ready, failure, used };
    },
  },
  {
    feature: 'LimitRange at home: defaults',
    local: 'A container that asks for no memory asks for the default, where it runs too.',
    expected: { asks: '24Mi', where: '24Mi' },
    async observe(place) {
      const limits = [{ type: 'Container', defaultRequest: { memory: '24Mi' } }];
      await place.create('LimitRange', 'main', { spec: { limits } });
      const template = place.template({ memory: '' });
      await place.createSet('ReplicaSet', { replicas: 1, template });
      const [pod] = await place.untilReady(1);
      const running = pod && place.running(pod);
      const asks = [pod, running].map((each) => each?.spec.containers[0]?.resources?.requests);
      return { asks: asks[0]?.['memory'], where: asks[1]?.['memory'] };
    },
  },
  {
    feature: 'LimitRange at home: maximum',
    local: 'A pod beyond the maximum is not created.',
    expected: { failure: 'FailedCreate', ready: 1 },
    async observe(place) {
      const limits = [{ type: 'Container', max: { memory: '24Mi' } }];
      await place.createSet('ReplicaSet', { replicas: 1 });
      const { length: ready } = await place.untilReady(1);
      await place.create('LimitRange', 'main', { spec: { limits } });
      const template = place.template({ memory: '32Mi' });
      await place.patch('ReplicaSet', 'main', { spec: { replicas: 2, template } });
      const failure = await place.until('it says so', async () => await setFailure(place));
      return { failure, ready };
    },
  },
  {
    feature: 'ResourceQuota at the host',
    local: 'No quota of another cluster counts.',
    expected: { pods: 2, ready: 2, refusal: false },
    differs: {
      words:
        'The quota of the guest namespace counts. The pod beyond it fails or waits, and says why.',
      expected: { pods: 2, ready: 1, refusal: true },
    },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 1 });
      await place.untilReady(1);
      if (place.kind === 'virtual')
        await atHost(place, 'resourcequotas', 'ResourceQuota', { hard: { pods: '1' } });
      await place.kubectl('scale', 'replicaset/main', '--replicas=2');
      return await place.until('all is said', async () => {
        const pods = (await place.pods()).filter(({ status }) => status?.phase !== 'Failed');
        const told = JSON.stringify((await place.history()).map(({ pod }) => pod.status));
        const refusal = told.includes('exceeded quota');
        const ready = pods.filter(isReady).length;
        const settled = pods.length === 2 && (ready === 2 || refusal);
        return settled ? { pods: pods.length, ready, refusal } : undefined;
      });
    },
  },
  {
    feature: 'Job: a pod that its node refuses',
    local: 'A quota of another cluster refuses no pod.',
    expected: { ready: 2, reason: undefined },
    differs: {
      words:
        'A pod that the host refuses after its binding fails, as one that a kubelet refuses. It counts against backoffLimit.',
      expected: { ready: 0, reason: 'BackoffLimitExceeded' },
    },
    async observe(place) {
      const template = place.template({
        plays: { runTime: '600s' },
        spec: { restartPolicy: 'Never' },
      });
      const spec = { completions: 2, parallelism: 1, backoffLimit: 0, template };
      await place.create('Job', 'main', { spec });
      await place.untilReady(1);
      if (place.kind === 'virtual')
        await atHost(place, 'resourcequotas', 'ResourceQuota', { hard: { pods: '1' } });
      // Its pods are like the one that runs, so the host is not asked to try one before the binding.
      await place.patch('Job', 'main', { spec: { parallelism: 2 } });
      return await place.until('both run, or the Job has failed', async () => {
        const ready = (await place.pods()).filter(isReady).length;
        const reason = conditionReason(await place.get('Job'), 'Failed');
        const settled = reason === undefined ? ready === 2 : ready === 0;
        return settled ? { ready, reason } : undefined;
      });
    },
  },
  {
    feature: 'LimitRange at the host',
    local: 'No LimitRange of another cluster counts.',
    expected: { asks: undefined, where: undefined },
    differs: {
      words:
        'The guest has the defaults of the guest namespace. The pod at home does not show them.',
      expected: { asks: undefined, where: '48Mi' },
    },
    async observe(place) {
      await place.createSet('ReplicaSet', { replicas: 1 });
      await place.untilReady(1);
      const limits = [{ type: 'Container', default: { memory: '48Mi' } }];
      if (place.kind === 'virtual') await atHost(place, 'limitranges', 'LimitRange', { limits });
      await place.kubectl('delete', 'pod', '--all');
      const [pod] = await place.untilReady(1);
      const running = pod && place.running(pod);
      const limited = [pod, running].map((each) => each?.spec.containers[0]?.resources?.limits);
      return { asks: limited[0]?.['memory'], where: limited[1]?.['memory'] };
    },
  },
];
