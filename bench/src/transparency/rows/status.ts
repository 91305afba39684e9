/** What a pod's status says. */
import type { Pod } from '@spillway/core';
import type { Place, TemplateOptions } from '../place.ts';
import type { Row } from '../row.ts';

async function startPod(place: Place, plays: NonNullable<TemplateOptions['plays']>): Promise<void> {
  const template = place.template({ plays, spec: { restartPolicy: 'Never' } });
  await place.create('Pod', 'main', template);
}

async function podWhere(place: Place, what: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  return await place.until(what, async () => (await place.pods()).find(holds));
}

/** The column STATUS of `kubectl get pods`. */
async function shown(place: Place): Promise<string | undefined> {
  const { stdout } = await place.kubectl('get', 'pods', '--no-headers');
  return stdout.split(/\s+/)[2];
}

export const statusRows: readonly Row[] = [
  {
    feature: 'Status: an image that can’t be pulled',
    local: '`kubectl get pods` shows ImagePullBackOff. The pod is Pending.',
    expected: { phase: 'Pending', shown: 'ImagePullBackOff' },
    async observe(place) {
      await startPod(place, { stuck: 'ImagePullBackOff' });
      const pod = await podWhere(place, 'it waits', ({ status }) =>
        Boolean(status?.containerStatuses?.[0]?.state?.waiting),
      );
      return { phase: pod.status?.phase, shown: await shown(place) };
    },
  },
  ...(
    [
      ['Succeeded', '0', 'Completed', 'Completed'],
      ['Failed', '3', 'Error', 'Error'],
    ] as const
  ).map(
    ([phase, exitCode, reason, column]): Row => ({
      feature: `Status: a pod that ends with exit code ${exitCode}`,
      local: `Its phase is ${phase}. The container’s state has the exit code.`,
      expected: { phase, exitCode: Number(exitCode), reason, shown: column },
      async observe(place) {
        await startPod(place, { runTime: '1s', exitCode });
        const pod = await podWhere(place, 'it ends', ({ status }) => status?.phase === phase);
        const ended = pod.status?.containerStatuses?.[0]?.state?.terminated;
        return {
          phase,
          exitCode: ended?.exitCode,
          reason: ended?.reason,
          shown: await shown(place),
        };
      },
    }),
  ),
  {
    feature: 'Status: conditions of a pod that runs',
    local: 'All conditions of a kubelet are True.',
    expected: {
      conditions: [
        'ContainersReady=True',
        'Initialized=True',
        'PodReadyToStartContainers=True',
        'PodScheduled=True',
        'Ready=True',
      ],
      qosClass: 'Burstable',
      hasStartTime: true,
      restarts: 0,
    },
    async observe(place) {
      await startPod(place, { runTime: '600s' });
      const [pod] = await place.untilReady(1);
      const { conditions = [], containerStatuses = [], ...status } = pod?.status ?? {};
      return {
        conditions: conditions.map(({ type, status: value }) => `${type}=${value}`).toSorted(),
        qosClass: status['qosClass'],
        hasStartTime: typeof status['startTime'] === 'string',
        restarts: containerStatuses[0]?.['restartCount'],
      };
    },
  },
  {
    feature: 'Labels that change while a pod runs',
    local: 'What runs has them.',
    expected: { label: 'green' },
    async observe(place) {
      await startPod(place, { runTime: '600s' });
      const [pod] = await place.untilReady(1);
      await place.kubectl('label', 'pod', 'main', 'colour=green');
      const label = await place.until('what runs has the label', () =>
        pod === undefined ? undefined : place.running(pod)?.metadata.labels?.['colour'],
      );
      return { label };
    },
  },
  {
    feature: 'Node name and addresses',
    local: 'The pod names a node of its cluster, and has an address.',
    expected: { node: 'a node of the cluster', hasPodIp: true, hasHostIp: true },
    differs: {
      words:
        'The pod names the neighbour’s virtual node. It has no address, unless both pod networks are joined.',
      expected: { node: 'spillway-lyon', hasPodIp: false, hasHostIp: false },
    },
    async observe(place) {
      await startPod(place, { runTime: '600s' });
      const [pod] = await place.untilReady(1);
      const { nodeName = '' } = pod?.spec ?? {};
      return {
        node: nodeName.startsWith('node-') ? 'a node of the cluster' : nodeName,
        hasPodIp: pod?.status?.podIP !== undefined,
        hasHostIp: pod?.status?.['hostIP'] !== undefined,
      };
    },
  },
];
