/** What becomes of pods whose node is deleted. */
import { isReady, type Place } from '../place.ts';
import type { Row } from '../row.ts';

/** A node of the home for pods that tolerate its taint. */
export const doomedNode = { name: 'node-3', taint: 'test.spillway.dev/doomed' };

const onDoomedNode = {
  nodeSelector: { 'kubernetes.io/hostname': doomedNode.name },
  tolerations: [{ key: doomedNode.taint, operator: 'Exists' }],
};

async function uidOfNode(place: Place, name: string): Promise<string | undefined> {
  const { stdout } = await place.kubectl('get', 'node', name, '-o', 'jsonpath={.metadata.uid}');
  return stdout === '' ? undefined : stdout;
}

export const nodeRows: readonly Row[] = [
  {
    feature: 'Pod garbage collection',
    local: 'The pods of a Node that is deleted are deleted.',
    expected: { nodeIsBack: false, runsOn: false },
    differs: {
      words:
        'The agent makes the virtual node again at once. Its pods run on, and are not deleted.',
      expected: { nodeIsBack: true, runsOn: true },
    },
    async observe(place) {
      const template = place.template({ spec: place.kind === 'local' ? onDoomedNode : {} });
      await place.create('Pod', 'main', template);
      const [pod] = await place.untilReady(1);
      const node = pod?.spec.nodeName ?? '';
      const before = await uidOfNode(place, node);
      await place.kubectl('delete', 'node', node);
      if (place.kind === 'virtual')
        await place.until('the node is back', async () => {
          const uid = await uidOfNode(place, node);
          return (uid !== undefined && uid !== before) || undefined;
        });
      // Both nodes were deleted at the same time: the collector has looked at both by then.
      await place.until('the collector has deleted a pod', () =>
        place.anyDeletedOn(doomedNode.name) ? true : undefined,
      );
      const nodeIsBack = (await uidOfNode(place, node)) !== undefined;
      return { nodeIsBack, runsOn: (await place.pods()).some(isReady) };
    },
  },
];
