/** StatefulSets. */
import { story } from '../pod-story.ts';
import { imageOf, imagesOf, type Place } from '../place.ts';
import type { Row } from '../row.ts';

const [first, second] = [imageOf(1), imageOf(2)];

async function start(place: Place, spec: object, plays = {}): Promise<void> {
  const template = place.template({ plays });
  await place.createSet('StatefulSet', { serviceName: 'main', replicas: 3, template, ...spec });
}

function only(what: string, lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.endsWith(` ${what}`));
}

export const statefulSetRows: readonly Row[] = [
  {
    feature: 'StatefulSet: ordered start',
    local: 'Each pod is made once the one before is ready.',
    expected: {
      story: ['main-0', 'main-1', 'main-2'].flatMap((name) => [`${name} created`, `${name} ready`]),
    },
    async observe(place) {
      await start(place, {}, { startDelay: '1s' });
      await place.untilReady(3);
      return { story: story(await place.history()) };
    },
  },
  {
    feature: 'StatefulSet: parallel start',
    local: 'All pods are made at once.',
    expected: { createdFirst: ['main-0 created', 'main-1 created', 'main-2 created'], ready: 3 },
    async observe(place) {
      await start(place, { podManagementPolicy: 'Parallel' }, { startDelay: '5s' });
      const { length: ready } = await place.untilReady(3);
      const lines = story(await place.history());
      const until = lines.findIndex((line) => line.endsWith(' ready'));
      return { createdFirst: lines.slice(0, until).toSorted(), ready };
    },
  },
  {
    feature: 'StatefulSet: rolling update',
    local: 'Pods are replaced from the highest ordinal to the lowest.',
    expected: {
      replaced: ['main-2 created', 'main-1 created', 'main-0 created'],
      images: [second, second, second],
    },
    async observe(place) {
      await start(place, {});
      await place.untilReady(3);
      await place.setImage('StatefulSet', 2);
      const images = await place.until('all are new', async () => {
        const found = imagesOf(await place.untilReady(3));
        return found.every((image) => image === second) ? found : undefined;
      });
      // The order counts. On a busy machine a pod may be replaced twice.
      const updated = (await place.history()).filter(({ pod }) => imagesOf([pod])[0] === second);
      return { replaced: [...new Set(only('created', story(updated)))], images };
    },
  },
  {
    feature: 'StatefulSet: update with a partition',
    local: 'Only pods from the partition on are replaced.',
    expected: { images: [first, first, second], updated: 1 },
    async observe(place) {
      const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
      await start(place, { updateStrategy });
      await place.untilReady(3);
      await place.setImage('StatefulSet', 2);
      const updated = await place.until('one is new and ready', async () => {
        const { metadata, status = {} } = (await place.get('StatefulSet')) ?? {};
        const { observedGeneration, updatedReplicas, readyReplicas } = status;
        const seen = observedGeneration === metadata?.generation;
        return seen && updatedReplicas === 1 && readyReplicas === 3 ? updatedReplicas : undefined;
      });
      return { images: imagesOf(await place.untilReady(3)), updated };
    },
  },
  {
    feature: 'StatefulSet: scale-down',
    local: 'Pods go from the highest ordinal to the lowest.',
    expected: { deleted: ['main-2 deleted', 'main-1 deleted'] },
    async observe(place) {
      await start(place, {});
      await place.untilReady(3);
      await place.kubectl('scale', 'statefulset/main', '--replicas=1');
      await place.untilReady(1);
      const deleted = await place.until('both are gone', async () => {
        const lines = only('deleted', story(await place.history()));
        return lines.length === 2 ? lines : undefined;
      });
      return { deleted };
    },
  },
  {
    feature: 'StatefulSet: a deleted pod comes back under its name',
    local: 'The new pod is made once the old one is gone.',
    expected: { name: 'main-0', oldWasGone: true },
    async observe(place) {
      await start(place, { replicas: 1 });
      const [pod] = await place.untilReady(1);
      await place.kubectl('delete', 'pod', 'main-0');
      const { name } = await place.until('another is ready', async () => {
        const [next] = await place.untilReady(1);
        return next?.metadata.uid === pod?.metadata.uid ? undefined : next?.metadata;
      });
      const lines = story(await place.history());
      const madeAgain = lines.indexOf('main-0 created', 1);
      const oldWasGone = lines.indexOf('main-0 deleted') < madeAgain;
      return { name, oldWasGone };
    },
  },
];
