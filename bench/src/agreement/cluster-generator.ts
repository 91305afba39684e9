/**
 * Clusters that are difficult in every way that a stage looks at. They have few resources of each kind,
 * taints, labels that some nodes lack, cordons, volumes in zones, and pods that are already there.
 */
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Random,
  Taint,
} from '@spillway/core';

export interface GeneratedCluster {
  readonly namespaces: readonly Namespace[];
  readonly nodes: readonly Node[];
  readonly volumes: readonly PersistentVolume[];
  readonly claims: readonly PersistentVolumeClaim[];
}

export const zones = ['east', 'north', 'west'] as const;
export const teams = ['blue', 'green', 'red'] as const;

/** `round` makes the names unique, so that nothing of an earlier round is taken for this one's. */
export function generateCluster(random: Random, round: number): GeneratedCluster {
  const draw = new Draw(random);
  const nodeCount = 6 + draw.below(7);
  const nodes = Array.from({ length: nodeCount }, (_, i) => node(draw, `r${round}-n${i}`));
  const namespaces = teams.map((team, i) => ({
    metadata: {
      name: `r${round}-${team}`,
      labels: {
        team,
        tier: i === 0 ? 'gold' : 'base',
        ...(i === 1 && { owner: 'shop' }),
      },
    },
  }));
  const volumes: PersistentVolume[] = [];
  const claims: PersistentVolumeClaim[] = [];
  for (const { metadata } of namespaces) {
    for (let i = 0; i < claimsPerNamespace; i++) {
      const made = boundPair(draw, { namespace: metadata.name, index: i, nodes });
      if (made.volume !== undefined) volumes.push(made.volume);
      claims.push(made.claim);
    }
  }
  return { namespaces, nodes, volumes, claims };
}

export const claimsPerNamespace = 12;

/** A few shorthands over a random stream. */
export class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(bound: number): number {
    return this.#random.below(bound);
  }

  chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    const found = from[this.#random.below(from.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }
}

function node(draw: Draw, name: string): Node {
  const labels: Record<string, string> = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
  };
  if (draw.chance(85)) labels['topology.kubernetes.io/zone'] = draw.pick(zones);
  if (draw.chance(30)) labels['topology.kubernetes.io/region'] = draw.pick(['inland', 'shore']);
  if (draw.chance(10)) labels['failure-domain.beta.kubernetes.io/zone'] = draw.pick(zones);
  if (draw.chance(70)) labels['disk'] = draw.pick(['ssd', 'hdd']);
  if (draw.chance(70)) labels['generation'] = draw.pick(['1', '5', '9', 'x']);
  const allocatable: Record<string, string> = {
    cpu: draw.pick(['1500m', '2', '4', '6']),
    memory: draw.pick(['1Gi', '2Gi', '3G', '4096Mi', '8Gi']),
    pods: `${draw.pick([3, 6, 12, 20])}`,
    'ephemeral-storage': draw.pick(['2Gi', '10Gi', '50Gi']),
  };
  if (draw.chance(35)) allocatable['nvidia.com/gpu'] = `${1 + draw.below(4)}`;
  if (draw.chance(25)) allocatable['example.com/tpu'] = `${1 + draw.below(2)}`;
  if (draw.chance(25)) allocatable['hugepages-2Mi'] = draw.pick(['64Mi', '256Mi']);
  return {
    metadata: { name, labels },
    spec: { taints: taints(draw), ...(draw.chance(8) && { unschedulable: true }) },
    status: { capacity: allocatable, allocatable },
  };
}

function taints(draw: Draw): readonly Taint[] {
  const found: Taint[] = [];
  if (draw.chance(15)) found.push({ key: 'dedicated', value: 'ml', effect: 'NoSchedule' });
  if (draw.chance(10)) found.push({ key: 'flaky', effect: 'NoExecute' });
  if (draw.chance(15)) found.push({ key: 'slow', value: 'yes', effect: 'PreferNoSchedule' });
  return found;
}

function boundPair(
  draw: Draw,
  { namespace, index, nodes }: { namespace: string; index: number; nodes: readonly Node[] },
): { readonly volume: PersistentVolume | undefined; readonly claim: PersistentVolumeClaim } {
  const name = `claim-${index}`;
  const volumeName = `${namespace}-volume-${index}`;
  // One of each in every namespace: not bound, prebound, lost, bound to nothing.
  const oddity = (['unbound', 'prebound', 'lost', 'volumeless'] as const)[index];
  const claim: PersistentVolumeClaim = {
    metadata: {
      name,
      namespace,
      ...((oddity === undefined || oddity === 'volumeless' || oddity === 'lost') && {
        annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
      }),
    },
    spec: {
      accessModes: ['ReadWriteMany'],
      storageClassName: '',
      resources: { requests: { storage: '1Gi' } },
      ...(oddity !== 'unbound' && { volumeName }),
    },
    status: { phase: oddity === 'lost' ? 'Lost' : oddity === undefined ? 'Bound' : 'Pending' },
  };
  if (oddity !== undefined) return { volume: undefined, claim };
  return {
    claim,
    volume: {
      metadata: { name: volumeName, labels: volumeLabels(draw) },
      spec: {
        accessModes: ['ReadWriteMany'],
        capacity: { storage: '1Gi' },
        hostPath: { path: '/data' },
        claimRef: { namespace, name },
        ...nodeAffinity(draw, nodes),
      },
    },
  };
}

function volumeLabels(draw: Draw): Record<string, string> {
  if (draw.chance(50)) return {};
  const zone = draw.chance(30) ? `${draw.pick(zones)}__${draw.pick(zones)}` : draw.pick(zones);
  const key = draw.chance(25)
    ? 'failure-domain.beta.kubernetes.io/zone'
    : 'topology.kubernetes.io/zone';
  return { [key]: zone };
}

function nodeAffinity(
  draw: Draw,
  nodes: readonly Node[],
): Pick<NonNullable<PersistentVolume['spec']>, 'nodeAffinity'> {
  if (draw.chance(40)) return {};
  const expression = draw.pick([
    { key: 'topology.kubernetes.io/zone', operator: 'In', values: [draw.pick(zones)] },
    {
      key: 'kubernetes.io/hostname',
      operator: 'In',
      values: [draw.pick(nodes).metadata.name ?? '', draw.pick(nodes).metadata.name ?? ''],
    },
    { key: 'disk', operator: 'Exists' },
    { key: 'generation', operator: 'Gt', values: ['3'] },
  ]);
  return {
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
  };
}
