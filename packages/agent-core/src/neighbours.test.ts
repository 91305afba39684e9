import type { ClusterName, MonotonicMs, Node, PeerId } from '@spillway/core';
import {
  type Advert,
  directoryPresets,
  type LivenessChange,
  originCoordinate,
  type VirtualNodeState,
} from '@spillway/federation';
import { beforeEach, describe, expect, it } from 'vitest';
import { Neighbours, nodeRemovedMs } from './neighbours.ts';

const lyon = 'lyon' as ClusterName;
const at = (ms: number): MonotonicMs => ms as MonotonicMs;

let neighbours: Neighbours;
let kept: VirtualNodeState[];
let removed: ClusterName[];
let changes: number;
let livenessChanges: LivenessChange[];
let hostsOurs: boolean;

beforeEach(() => {
  [kept, removed, livenessChanges, changes, hostsOurs] = [[], [], [], 0, false];
  neighbours = new Neighbours({
    cluster: 'paris' as ClusterName,
    directory: directoryPresets.lan,
    coordinates: { coordinate: originCoordinate, update: () => {} },
    membershipOf: () => ({ serial: 's', peer: 'lyon' as PeerId, notBeforeMs: 1 }),
    virtualNodes: 'kept',
    hostsOurs: () => hostsOurs,
    keepNode: (state) => kept.push(state),
    removeNode: (cluster) => removed.push(cluster),
    changed: () => (changes += 1),
    livenessChanged: (change) => livenessChanges.push(change),
  });
});

function advert(sequence: number, ms: number): void {
  const said: Advert = {
    cluster: lyon,
    peer: 'lyon' as PeerId,
    version: { epoch: 1, sequence },
    ttlMs: directoryPresets.lan.ttlMs,
    addresses: ['/ip4/192.0.2.1/tcp/1'],
    coordinate: originCoordinate,
    labels: {},
    accepting: true,
    guestsFree: 1,
    freeCapacity: { bins: [], classes: [] },
    totals: {} as Advert['totals'],
  };
  const from = { cluster: lyon, peer: 'lyon' as PeerId, attributes: {} };
  expect(neighbours.receive(said, from, at(ms))).toBe('accepted');
}

function withNode(): void {
  advert(0, 0);
  neighbours.nodeKept(kept[0]!, true);
}

describe('neighbours', () => {
  it('are those whose virtual node exists, and no others', () => {
    advert(0, 0);
    expect(kept).toMatchObject([{ cluster: lyon, reachable: true, cordoned: false }]);
    expect(kept[0]?.membership).toEqual({ serial: 's', peer: 'lyon', notBeforeMs: 1 });
    expect(neighbours.neighbours()).toEqual([]);
    const before = changes;
    neighbours.nodeKept(kept[0]!, true);
    expect(neighbours.neighbours().map(({ cluster }) => cluster)).toEqual([lyon]);
    expect(neighbours.neighbour(lyon)?.marks?.cordoned).toBe(false);
    expect(changes).toBeGreaterThan(before);
  });

  it('have their node written again after a failure, one write at a time and not at once', () => {
    advert(0, 0);
    advert(1, 10);
    expect(kept).toHaveLength(1);
    neighbours.nodeKept(kept[0]!, false);
    advert(2, 1_000);
    neighbours.tick(at(4_999));
    expect(kept).toHaveLength(1);
    neighbours.tick(at(6_000));
    expect(kept).toHaveLength(2);
  });

  it('whose node somebody deletes have none until it is made again, cordoned as it was', () => {
    withNode();
    const cordoned: Node = { metadata: { name: 'spillway-lyon' }, spec: { unschedulable: true } };
    expect(neighbours.nodeSeen(lyon, cordoned)).toBe(false);
    expect(neighbours.neighbour(lyon)?.marks?.cordoned).toBe(true);
    expect(neighbours.nodeSeen(lyon, undefined)).toBe(true);
    expect(neighbours.neighbours()).toEqual([]);
    neighbours.tick(at(1_000));
    expect(kept.at(-1)).toMatchObject({ cordoned: true });
  });

  it('that were cordoned before the agent started are so when their node is made', () => {
    neighbours.markedBefore(lyon, { cordoned: true, taints: [] });
    advert(0, 0);
    expect(kept).toMatchObject([{ cordoned: true }]);
  });

  it('are checked for liveness once a second, and their node says when they are gone', () => {
    withNode();
    neighbours.tick(at(0));
    expect(neighbours.wakeAt()).toBe(1_000);
    const { suspectMs, goneMs } = directoryPresets.lan;
    neighbours.tick(at(suspectMs + 1));
    neighbours.nodeKept(kept.at(-1)!, true);
    neighbours.tick(at(suspectMs + goneMs + 1_002));
    expect(livenessChanges.map(({ to }) => to)).toEqual(['suspect', 'gone']);
    expect(kept.at(-1)).toMatchObject({ reachable: false });
  });

  it('gone for a day lose their node, unless pods of ours are bound to it', () => {
    withNode();
    hostsOurs = true;
    neighbours.tick(at(nodeRemovedMs + 1));
    neighbours.nodeKept(kept.at(-1)!, true);
    expect(removed).toEqual([]);
    hostsOurs = false;
    neighbours.tick(at(nodeRemovedMs + 10_000));
    expect(removed).toEqual([lyon]);
    expect(neighbours.neighbours()).toEqual([]);
  });

  it('that are revoked are none at once, and their node says why until it is written', () => {
    withNode();
    const why = (cluster: ClusterName): string => `${cluster} is revoked`;
    expect(neighbours.revoke(new Set([lyon]), new Set(), why)).toEqual([lyon]);
    expect(neighbours.neighbours()).toEqual([]);
    expect(neighbours.revoked.get(lyon)?.message).toBe('lyon is revoked');
    neighbours.tick(at(0));
    expect(kept.at(-1)).toMatchObject({ reachable: false, revoked: 'lyon is revoked' });
    neighbours.nodeKept(kept.at(-1)!, false);
    neighbours.tick(at(10_000));
    expect(kept).toHaveLength(3);
    neighbours.revoke(new Set(), new Set(), why);
    expect(neighbours.revoked.size).toBe(0);
  });

  it('get no new node from a cluster that leaves', () => {
    neighbours.leave();
    advert(0, 0);
    neighbours.tick(at(10_000));
    expect(kept).toEqual([]);
  });
});
