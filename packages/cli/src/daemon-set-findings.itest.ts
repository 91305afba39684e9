/** What `spillway doctor` says of DaemonSets, held against the real DaemonSet controller: whom it names, and the cure. */
import { clusterName, type Node } from '@spillway/core';
import { VirtualNodes } from '@spillway/kubernetes';
import { equalNodes, type LocalTestbed, startTestbed, waitFor } from '@spillway/testbed';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { userCluster } from './connection/cluster.ts';
import { type DaemonSet, daemonSetFindings } from './daemon-set-findings.ts';

const soon = { timeoutMs: 60_000, everyMs: 100 };
const sets = '/apis/apps/v1/namespaces/default/daemonsets';
const merge = 'application/merge-patch+json';
const realNodes = 2;
const everything = { tolerations: [{ operator: 'Exists' }] };
const ours = { tolerations: [{ key: 'spillway.dev/virtual-node', operator: 'Exists' }] };
const master = 'node-role.kubernetes.io/master';

let testbed: LocalTestbed;
let node: Node;

beforeAll(async () => {
  testbed = await startTestbed({
    clusters: [{ name: 'paris', city: undefined, nodes: equalNodes(realNodes) }],
  });
  const { api } = await userCluster({ kubeconfig: paris().kubeconfig });
  const state = { cluster: clusterName('lyon'), addresses: [], reachable: true, cordoned: false };
  await new VirtualNodes(api).keep(state, new Date());
  api.close();
  node = await waitFor(
    'the virtual node is Ready for the node lifecycle controller',
    async () => {
      const found = await paris().client.get<Node>('/api/v1/nodes/spillway-lyon');
      const taints = found.spec?.taints ?? [];
      return taints.some(({ key }) => key.startsWith('node.kubernetes.io/')) ? undefined : found;
    },
    soon,
  );
});

afterAll(async () => await testbed?.stop());

function paris() {
  return testbed.cluster('paris');
}

type Shown = DaemonSet & {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
  };
};

/** As the controller counts it, in the set that it has counted last. */
async function counted(name: string): Promise<Shown> {
  return await waitFor(
    `${name} is counted`,
    async () => {
      const set = await paris().client.get<Shown>(`${sets}/${name}`);
      return set.status?.observedGeneration === set.metadata.generation ? set : undefined;
    },
    soon,
  );
}

function term(key: string, operator: string) {
  const nodeSelectorTerms = [{ matchExpressions: [{ key, operator }] }];
  return {
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    },
  };
}

/** The lines that the doctor prints, put where it says. */
function cured(set: Shown, remedy: string): object {
  const { spec } = set.spec.template;
  const lines = parse(remedy.slice(remedy.indexOf('\n'))) as {
    readonly nodeSelector?: object;
    readonly matchExpressions?: readonly object[];
  };
  if (lines.nodeSelector) return { nodeSelector: lines.nodeSelector };
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const nodeSelectorTerms = required?.nodeSelectorTerms.map((each) => ({
    ...each,
    matchExpressions: [...(each.matchExpressions ?? []), ...(lines.matchExpressions ?? [])],
  }));
  return {
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    },
  };
}

test.each<readonly [string, object, boolean]>([
  ['plain', {}, false],
  ['tolerates-everything', everything, true],
  ['tolerates-ours', ours, true],
  ['linux', { ...everything, nodeSelector: { 'kubernetes.io/os': 'linux' } }, false],
  ['control-planes', { ...everything, nodeSelector: { [master]: '' } }, true],
  ['term-for-control-planes', { ...everything, ...term(master, 'Exists') }, true],
  ['term-that-keeps-off', { ...ours, ...term('spillway.dev/virtual-node', 'DoesNotExist') }, false],
])(
  'a DaemonSet is named if the controller counts a virtual node for it, and the lines cure it: %s',
  async (name, spec, counts) => {
    const labels = { app: name };
    await paris().client.call('POST', sets, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { ...spec, containers: [{ name: 'c', image: 'i' }] },
        },
      },
    });
    const set = await counted(name);
    const [finding] = daemonSetFindings([set], [node]);
    const named = finding?.severity === 'warning';
    const onlyVirtual = name.includes('control-planes');
    const own = onlyVirtual ? 0 : realNodes;
    expect([named, set.status?.desiredNumberScheduled]).toEqual([counts, own + (counts ? 1 : 0)]);
    if (finding?.remedy === undefined) return;
    const template = { spec: cured(set, finding.remedy) };
    await paris().client.call('PATCH', `${sets}/${name}`, { spec: { template } }, merge);
    const after = await counted(name);
    expect(after.status?.desiredNumberScheduled).toBe(own);
    expect(daemonSetFindings([after], [node])[0]?.severity).toBe('ok');
  },
);
