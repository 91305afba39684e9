/** Jobs and CronJobs. */
import { mostUnfinished } from '../pod-story.ts';
import { conditionReason, type KubeObject, type Place, type TemplateOptions } from '../place.ts';
import type { Row } from '../row.ts';

type Plays = NonNullable<TemplateOptions['plays']>;

async function start(place: Place, spec: object, plays: Plays = { runTime: '1s' }): Promise<void> {
  const template = place.template({ plays, spec: { restartPolicy: 'Never' } });
  await place.create('Job', 'main', { spec: { template, ...spec } });
}

async function ended(place: Place, type: 'Complete' | 'Failed'): Promise<KubeObject> {
  return await place.until(`the Job is ${type}`, async () => {
    const job = await place.get('Job');
    return conditionReason(job, type) === undefined ? undefined : job;
  });
}

function counts({ status = {} }: KubeObject): object {
  return { succeeded: status['succeeded'] ?? 0, failed: status['failed'] ?? 0 };
}

const long: Plays = { runTime: '600s' };

export const jobRows: readonly Row[] = [
  {
    feature: 'Job: completions and parallelism',
    local: 'It runs as many pods as it asks for, and never more at once than it allows.',
    expected: { succeeded: 4, failed: 0, mostAtOnce: 2 },
    async observe(place) {
      await start(place, { completions: 4, parallelism: 2 });
      const job = await ended(place, 'Complete');
      return { ...counts(job), mostAtOnce: mostUnfinished(await place.history()) };
    },
  },
  {
    feature: 'Job: indexed',
    local: 'Each index completes once.',
    expected: { completedIndexes: '0-2', indexes: [0, 1, 2] },
    async observe(place) {
      await start(place, { completionMode: 'Indexed', completions: 3, parallelism: 3 });
      const { status } = await ended(place, 'Complete');
      const index = 'batch.kubernetes.io/job-completion-index';
      const indexes = (await place.pods()).map(({ metadata }) =>
        Number(metadata.annotations?.[index]),
      );
      const sorted = indexes.toSorted((a, b) => a - b);
      return { completedIndexes: status?.['completedIndexes'], indexes: sorted };
    },
  },
  {
    feature: 'Job: backoffLimit',
    local: 'The Job fails with BackoffLimitExceeded after one retry.',
    expected: { succeeded: 0, failed: 2, reason: 'BackoffLimitExceeded' },
    async observe(place) {
      await start(place, { backoffLimit: 1 }, { runTime: '1s', exitCode: '1' });
      const job = await ended(place, 'Failed');
      return { ...counts(job), reason: conditionReason(job, 'Failed') };
    },
  },
  {
    feature: 'Job: podFailurePolicy by exit code',
    local: 'Exit code 42 fails the Job at once.',
    expected: { succeeded: 0, failed: 1, reason: 'PodFailurePolicy' },
    async observe(place) {
      const onExitCodes = { operator: 'In', values: [42] };
      const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes }] };
      await start(place, { podFailurePolicy }, { runTime: '1s', exitCode: '42' });
      const job = await ended(place, 'Failed');
      return { ...counts(job), reason: conditionReason(job, 'Failed') };
    },
  },
  {
    feature: 'Job: successPolicy',
    local: 'The Job is complete once as many indexes have succeeded as the policy asks for.',
    expected: { succeeded: 1, failed: 0, reason: 'SuccessPolicy' },
    async observe(place) {
      const successPolicy = { rules: [{ succeededCount: 1 }] };
      const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 1 };
      await start(place, { ...indexed, successPolicy });
      const job = await ended(place, 'Complete');
      return { ...counts(job), reason: conditionReason(job, 'Complete') };
    },
  },
  {
    feature: 'Job: ttlSecondsAfterFinished',
    local: 'The Job and its pods are deleted.',
    expected: { succeeded: 1, failed: 0, pods: 0 },
    async observe(place) {
      await start(place, { ttlSecondsAfterFinished: 5 });
      const job = await ended(place, 'Complete');
      const pods = await place.until('all is deleted', async () => {
        if ((await place.get('Job')) !== undefined) return undefined;
        const left = await place.pods();
        return left.length === 0 ? left : undefined;
      });
      return { ...counts(job), pods: pods.length };
    },
  },
  {
    feature: 'Job: suspend and resume',
    local:
      'The pods of a suspended Job are deleted. Resumed, it starts others. None counts as failed.',
    expected: { whileSuspended: 0, ready: 2, succeeded: 0, failed: 0 },
    async observe(place) {
      await start(place, { completions: 2, parallelism: 2 }, long);
      await place.untilReady(2);
      await place.patch('Job', 'main', { spec: { suspend: true } });
      const whileSuspended = await place.until('its pods are gone', async () => {
        const suspended = conditionReason(await place.get('Job'), 'Suspended') !== undefined;
        const { length } = await place.pods();
        return suspended && length === 0 ? length : undefined;
      });
      await place.patch('Job', 'main', { spec: { suspend: false } });
      const { length: ready } = await place.untilReady(2);
      const job = await place.get('Job');
      return { whileSuspended, ready, ...(job && counts(job)) };
    },
  },
  {
    feature: 'Job: activeDeadlineSeconds',
    local: 'The Job fails with DeadlineExceeded, and its pods end.',
    expected: { reason: 'DeadlineExceeded', pods: 0 },
    async observe(place) {
      await start(place, { activeDeadlineSeconds: 15 }, long);
      await place.untilReady(1);
      const reason = conditionReason(await ended(place, 'Failed'), 'Failed');
      const pods = await place.until('its pod is gone', async () => {
        const { length } = await place.pods();
        return length === 0 ? length : undefined;
      });
      return { reason, pods };
    },
  },
  {
    feature: 'Job: a pod that is evicted',
    local: 'It counts as failed, and another runs.',
    expected: { evicted: 201, ready: 1, succeeded: 0, failed: 1 },
    async observe(place) {
      await start(place, { backoffLimit: 3 }, long);
      const [pod] = await place.untilReady(1);
      const evicted = pod && (await place.evict(pod));
      const job = await place.until('it has counted the pod', async () => {
        const found = await place.get('Job');
        return found?.status?.['failed'] === 1 ? found : undefined;
      });
      const { length: ready } = await place.untilReady(1);
      return { evicted, ready, ...counts(job) };
    },
  },
  {
    feature: 'CronJob: a run at its time',
    local: 'Within a minute it makes a Job, which completes.',
    expected: { owner: 'CronJob/main', succeeded: 1, failed: 0 },
    async observe(place) {
      const template = place.template({
        plays: { runTime: '1s' },
        spec: { restartPolicy: 'Never' },
      });
      const jobTemplate = { spec: { template } };
      await place.create('CronJob', 'main', { spec: { schedule: '* * * * *', jobTemplate } });
      const job = await place.until('a run is complete', async () => {
        const jobs = await place.list('Job');
        return jobs.find((each) => conditionReason(each, 'Complete') !== undefined);
      });
      await place.patch('CronJob', 'main', { spec: { suspend: true } });
      const [owner] = job.metadata.ownerReferences ?? [];
      return { owner: `${owner?.kind}/${owner?.name}`, ...counts(job) };
    },
  },
];
