import {
  type ClusterEvent,
  type ClusterName,
  Fault,
  type MonotonicMs,
  type PeerId,
  type Pod,
  type PodUid,
  randomStream,
  wellKnown,
} from '@spillway/core';
import {
  directoryPresets,
  guestTermsDefaults,
  homeDefaults,
  hostDefaults,
  type Member,
  nearest,
  originCoordinate,
  type ReserveRequest,
} from '@spillway/federation';
import { beforeEach, describe, expect, it } from 'vitest';
import { Agent } from './agent.ts';
import type { AgentEffect, AgentEvent } from './events.ts';
import type { Work } from './work.ts';

const paris = 'paris' as ClusterName;
const caller: Member = { cluster: 'lyon' as ClusterName, peer: 'lyon' as PeerId, attributes: {} };
const node = {
  metadata: { name: 'n' },
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '9' } },
};

let agent: Agent;
let now: number;

beforeEach(() => {
  now = 0;
  agent = new Agent({
    cluster: paris,
    epoch: 7,
    labels: { site: 'shop' },
    attributes: {},
    policies: { policyFor: () => ({ policy: nearest, text: 'nearest', source: 'the test' }) },
    seals: { seal: () => 'seal', holds: () => false },
    homeConfig: homeDefaults,
    hostConfig: hostDefaults,
    terms: guestTermsDefaults,
    directory: directoryPresets.lan,
    coordinates: { coordinate: originCoordinate, update: () => {} },
    membershipOf: () => undefined,
    virtualNodes: 'kept',
    advertBytesPerSecond: 10_000,
    guestNamespace: (home, namespace) => `${home}-${namespace}`,
    whereabouts: () => ({ peer: 'paris' as PeerId, addresses: [] }),
    random: (purpose) => randomStream(1, purpose),
    looksThrough: true,
  });
});

function step(event: AgentEvent): readonly AgentEffect[] {
  return agent.step(event, now as MonotonicMs);
}

function watched(event: ClusterEvent): readonly AgentEffect[] {
  return step({ kind: 'cluster', event });
}

function pod(name: string): Pod {
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: {
      schedulerName: wellKnown.schedulerName,
      containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }],
    },
    status: { phase: 'Pending' },
  };
}

function synced(): readonly AgentEffect[] {
  watched({ kind: 'Node', type: 'set', object: node });
  return step({ kind: 'synced' });
}

/** Lets time pass until work is asked for. */
function untilAsked(first: readonly AgentEffect[]): Extract<AgentEffect, { kind: 'perform' }> {
  let effects = first;
  for (let turn = 0; turn < 100; turn++) {
    const asked = effects.find((effect) => effect.kind === 'perform');
    if (asked !== undefined) return asked;
    now = Math.max(now, agent.wakeAt(now as MonotonicMs) ?? now);
    effects = step({ kind: 'tick' });
  }
  throw new Error('nothing was asked for');
}

function works(effects: readonly AgentEffect[]): readonly Work[] {
  return effects.flatMap((effect) => (effect.kind === 'perform' ? [effect.work] : []));
}

const room: ReserveRequest = {
  requestId: 'r',
  homeEpoch: 1,
  namespace: 'default',
  count: 1,
  template: pod('asked'),
} as unknown as ReserveRequest;

describe('agent', () => {
  it('answers no call before its caches are synced', () => {
    const effects = step({ kind: 'call', call: 3, caller, of: { kind: 'reserve', request: room } });
    expect(effects).toEqual([
      { kind: 'answer', call: 3, answer: { fault: expect.any(Fault) as Fault } },
    ]);
    expect(() => agent.openFeed(caller, 1)).toThrow(/not synced/u);
  });

  it('says what is free as soon as it knows, and again when that has changed', () => {
    const [first] = synced().filter(({ kind }) => kind === 'publish');
    expect(first).toMatchObject({
      advert: { cluster: paris, labels: { site: 'shop' }, version: { epoch: 7, sequence: 0 } },
    });
    step({ kind: 'published', payloadBytes: 300, clusters: 2 });
    now = 1_000;
    const bound = pod('bound');
    const effects = watched({
      kind: 'Pod',
      type: 'set',
      object: { ...bound, spec: { ...bound.spec, nodeName: 'n' } },
    });
    expect(effects).toMatchObject([
      { kind: 'publish', advert: { version: { sequence: 1 } }, changedAt: 1_000 },
    ]);
  });

  it('asks for the binding of a pod that fits at home, and heeds how it ended', () => {
    synced();
    const asked = untilAsked(watched({ kind: 'Pod', type: 'set', object: pod('a') }));
    expect(asked.work).toMatchObject({ kind: 'bindLocally', node: 'n' });
    const fault = new Fault('Unavailable', 'no answer');
    step({ kind: 'ended', id: asked.id, ended: { kind: 'failed', fault } });
    expect(agent.home.counts().waiting).toBe(1);
    const again = untilAsked([]);
    expect(again.work).toMatchObject({ kind: 'bindLocally', node: 'n' });
    step({ kind: 'ended', id: again.id, ended: { kind: 'bindLocally', value: 'bound' } });
    expect(agent.home.counts().waiting).toBe(0);
  });

  it('emits nothing once it is stopped, starts nothing that waited, and is drained when all has ended', () => {
    synced();
    const asked = untilAsked(watched({ kind: 'Pod', type: 'set', object: pod('a') }));
    agent.stop();
    expect(agent.drained).toBe(false);
    expect(watched({ kind: 'Pod', type: 'set', object: pod('b') })).toEqual([]);
    expect(
      step({ kind: 'ended', id: asked.id, ended: { kind: 'bindLocally', value: 'bound' } }),
    ).toEqual([]);
    expect(agent.drained).toBe(true);
    expect(agent.wakeAt(now as MonotonicMs)).toBeUndefined();
  });

  it('keeps its Lease when a binding failed that may still take effect, before the stop or after', () => {
    synced();
    const fault = new Fault('Unavailable', 'no answer');
    const failed = { kind: 'failed', fault } as const;
    const asked = untilAsked(watched({ kind: 'Pod', type: 'set', object: pod('a') }));
    step({ kind: 'ended', id: asked.id, ended: failed });
    expect(agent.drained).toBe(true);
    expect(agent.isSettled(now as MonotonicMs)).toBe(false);
    const again = untilAsked([]);
    step({ kind: 'ended', id: again.id, ended: { kind: 'bindLocally', value: 'bound' } });
    expect(agent.isSettled(now as MonotonicMs)).toBe(true);
    const last = untilAsked(watched({ kind: 'Pod', type: 'set', object: pod('b') }));
    agent.stop();
    step({ kind: 'ended', id: last.id, ended: failed });
    expect(agent.drained).toBe(true);
    expect(agent.isSettled(now as MonotonicMs)).toBe(false);
  });

  it('waits for pods of its own cluster before it gives room away, also at an instant of its own', () => {
    synced();
    const own: Pod = {
      ...pod('own'),
      spec: { ...pod('own').spec, schedulerName: 'default-scheduler' },
    };
    watched({ kind: 'Pod', type: 'set', object: own });
    expect(
      works(step({ kind: 'call', call: 1, caller, of: { kind: 'reserve', request: room } })),
    ).toEqual([]);
    now = 500;
    expect(step({ kind: 'tick' })).toContainEqual({
      kind: 'answer',
      call: 1,
      answer: { value: { granted: 0, verdicts: [expect.objectContaining({ stage: 'OwnPods' })] } },
    });
  });

  it('routes a guest to the host machine and to the stream of its home', () => {
    synced();
    const feed = agent.openFeed(caller, 1);
    expect(feed.next()).toEqual({ kind: 'synced' });
    const shadow: Pod = {
      ...pod('g'),
      spec: { ...pod('g').spec, nodeName: 'n' },
      metadata: {
        name: 'g',
        namespace: 'lyon-default',
        uid: 'shadow-g',
        labels: {
          [wellKnown.homeLabel]: 'lyon',
          [wellKnown.homeNamespaceLabel]: 'default',
          [wellKnown.homeUidLabel]: 'uid-g',
        },
        annotations: { [wellKnown.homeNameAnnotation]: 'g' },
      },
    };
    watched({ kind: 'Pod', type: 'set', object: shadow });
    expect(feed.next()).toMatchObject({ kind: 'status', uid: 'uid-g' as PodUid });
    expect(agent.host.counts().guests).toBe(1);
  });
});
