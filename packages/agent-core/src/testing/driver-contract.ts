/**
 * What every driver must do: perform work once and tell how it ended, answer calls, carry guest streams,
 * wake the machine. The same suite runs on the daemon's driver and on the simulator's.
 */
import {
  type ClusterName,
  Fault,
  isFault,
  type MonotonicMs,
  type NodeName,
  type PeerId,
  type Pod,
  type PodUid,
  type ReservationId,
} from '@spillway/core';
import {
  type Advert,
  type GuestUpdate,
  originCoordinate,
  type PodRef,
  type ReserveRequest,
} from '@spillway/federation';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Agent } from '../agent.ts';
import type { AgentEffect, AgentEvent, Answer, Call } from '../events.ts';
import { GuestFeed } from '../guest-feeds.ts';
import type { Ended, Work } from '../work.ts';

/** In place of the machine: asks for what a test says, and keeps what it is told. */
export class ScriptedAgent
  implements
    Pick<Agent, 'step' | 'wakeAt' | 'awaitsNews' | 'openFeed' | 'closeFeed' | 'stop' | 'drained'>
{
  readonly told: AgentEvent[] = [];
  readonly drained = true;
  readonly feeds: GuestFeed[] = [];
  closedFeeds = 0;
  readonly clusters = 2;
  wake: MonotonicMs | undefined;
  #asks: AgentEffect[] = [];

  ask(...effects: readonly AgentEffect[]): void {
    this.#asks.push(...effects);
  }

  step(event: AgentEvent): readonly AgentEffect[] {
    this.told.push(event);
    if (event.kind === 'tick') this.wake = undefined;
    return this.#asks.splice(0);
  }

  wakeAt(): MonotonicMs | undefined {
    return this.wake;
  }

  receive(): 'accepted' {
    return 'accepted';
  }

  awaitsNews(): boolean {
    return false;
  }

  openFeed(): GuestFeed {
    const feed = new GuestFeed(neighbour, [{ kind: 'synced' }]);
    this.feeds.push(feed);
    return feed;
  }

  closeFeed(): void {
    this.closedFeeds += 1;
  }

  stop(): void {}
}

/** One driver with its world, which has one neighbour. */
export interface ContractWorld {
  readonly agent: ScriptedAgent;
  readonly now: () => MonotonicMs;
  feed(event: AgentEvent): void;
  /** Is at the own API server from now on, by its name. Returns its UID there. */
  addPod(pod: Pod): PodUid;
  /** From now on every write to the own API server fails. */
  breakWrites(): void;
  /** How the neighbour answers each call from now on. */
  neighbourAnswers(answer: (of: Call) => Answer): void;
  /** What the neighbour says on a guest stream that is opened to it; `ends`: it ends the stream then. */
  neighbourShows(updates: readonly GuestUpdate[], ends: boolean): void;
  /** Whether a guest stream is open at the neighbour. */
  streamIsOpen(): boolean;
  /** The neighbour calls this agent. */
  call(of: Call): Promise<Answer>;
  /** The neighbour reads its guest stream here, until `count` updates have come. */
  readGuests(count: number): Promise<readonly GuestUpdate[]>;
  until(done: () => boolean): Promise<void>;
}

export const neighbour = 'lyon' as ClusterName;
const node = 'n' as NodeName;
const requestId = 'r';

const request: ReserveRequest = {
  requestId,
  homeEpoch: 1,
  namespace: 'default',
  count: 2,
} as unknown as ReserveRequest;

export function driverContract(name: string, makeWorld: () => ContractWorld): void {
  describe(`${name} driver`, () => {
    let world: ContractWorld;
    beforeEach(() => {
      world = makeWorld();
    });

    /** How `work` ends when the machine asks for it. */
    async function ended(work: Work): Promise<Ended> {
      const { agent } = world;
      agent.ask({ kind: 'perform', id: 41, work });
      world.feed({ kind: 'tick' });
      const ends = () => agent.told.filter((event) => event.kind === 'ended');
      await world.until(() => ends().length > 0);
      expect(ends()).toMatchObject([{ id: 41 }]);
      return (ends()[0] as { readonly ended: Ended }).ended;
    }

    it.each(['bindLocally', 'bindAway'] as const)('%s binds a pod, once', async (kind) => {
      const ref = added(world, 'p');
      const work: Work =
        kind === 'bindLocally'
          ? { kind, ref, node }
          : { kind, ref, host: neighbour, annotations: {} };
      expect(await ended(work)).toEqual({ kind, value: 'bound' });
    });

    it.each(writes)('$kind tells a value of its own kind', async (make) => {
      const work = make.work(added(world, 'p'));
      expect((await ended(work)).kind).toBe(make.kind);
    });

    it.each(writes)('$kind that fails is told as a fault', async (make) => {
      const ref = added(world, 'p');
      world.breakWrites();
      const end = await ended(make.work(ref));
      expect(end.kind === 'failed' && isFault(end.fault)).toBe(true);
    });

    it('a pod that is gone is told as gone', async () => {
      const ref = added(world, 'p');
      const other = { ...ref, uid: 'other' as PodUid };
      expect(await ended({ kind: 'evict', ref: other })).toEqual({ kind: 'evict', value: 'gone' });
    });

    it.each(calls)('$kind brings the neighbour’s answer back', async ({ kind, work, value }) => {
      const seen: Call[] = [];
      world.neighbourAnswers((of) => {
        seen.push(of);
        return { value };
      });
      expect(await ended(work)).toEqual({ kind, value: kind === 'release' ? 'ok' : value });
      expect(seen).toHaveLength(1);
    });

    it.each(calls)('$kind that the neighbour refuses is told with its code', async ({ work }) => {
      world.neighbourAnswers(() => ({ fault: new Fault('PermissionDenied', 'revoked') }));
      expect(await ended(work)).toMatchObject({
        kind: 'failed',
        fault: { code: 'PermissionDenied' },
      });
    });

    it('answers each call by its own answer', async () => {
      const { agent } = world;
      const first = world.call({ kind: 'reserve', request });
      const second = world.call({ kind: 'reserve', request });
      const asked = () => agent.told.filter((event) => event.kind === 'call');
      await world.until(() => asked().length === 2);
      const [a, b] = asked().map(({ call }) => call);
      const fault = new Fault('ResourceExhausted', 'too many');
      const value = { granted: 2, verdicts: [] };
      agent.ask(
        { kind: 'answer', call: b ?? -1, answer: { fault } },
        { kind: 'answer', call: a ?? -1, answer: { value: value as never } },
      );
      world.feed({ kind: 'tick' });
      expect(await first).toEqual({ value });
      expect(await second).toMatchObject({ fault: { code: 'ResourceExhausted' } });
    });

    it('carries a guest stream in its order, and tells its end', async () => {
      const updates = [gone('a'), gone('b'), { kind: 'synced' } as const];
      world.neighbourShows(updates, true);
      world.agent.ask({ kind: 'openGuests', watch: 5, host: neighbour });
      world.feed({ kind: 'tick' });
      const { told } = world.agent;
      await world.until(() => told.some(({ kind }) => kind === 'guestsClosed'));
      expect(told.slice(1)).toEqual([
        ...updates.map((update) => ({ kind: 'guest', watch: 5, update })),
        { kind: 'guestsClosed', watch: 5 },
      ]);
    });

    it('ends a guest stream that the machine closes, and says no more of it', async () => {
      world.neighbourShows([{ kind: 'synced' }], false);
      world.agent.ask({ kind: 'openGuests', watch: 5, host: neighbour });
      world.feed({ kind: 'tick' });
      await world.until(() => world.agent.told.some(({ kind }) => kind === 'guest'));
      world.agent.ask({ kind: 'closeGuests', watch: 5 });
      world.feed({ kind: 'tick' });
      await world.until(() => !world.streamIsOpen());
      expect(world.agent.told.map(({ kind }) => kind)).toEqual(['tick', 'guest', 'tick']);
    });

    it('shows a home what its feed has, as it comes', async () => {
      const read = world.readGuests(3);
      await world.until(() => world.agent.feeds.length === 1);
      const [feed] = world.agent.feeds;
      feed?.push(gone('a'));
      feed?.push(gone('b'));
      expect(await read).toEqual([{ kind: 'synced' }, gone('a'), gone('b')]);
      await world.until(() => world.agent.closedFeeds === 1);
    });

    it('says how large a published advert was, and how many hear it', async () => {
      world.agent.ask({ kind: 'publish', advert, changedAt: undefined });
      world.feed({ kind: 'tick' });
      const { told } = world.agent;
      await world.until(() => told.some(({ kind }) => kind === 'published'));
      expect(told[1]).toMatchObject({ kind: 'published', clusters: 2 });
      expect((told[1] as { payloadBytes: number }).payloadBytes).toBeGreaterThan(0);
    });

    it('wakes the machine when it wants to be', async () => {
      world.agent.wake = (world.now() + 5) as MonotonicMs;
      world.feed({ kind: 'addressesChanged' });
      await world.until(() => world.agent.told.length === 2);
      expect(world.agent.told[1]).toEqual({ kind: 'tick' });
    });
  });
}

function added(world: ContractWorld, name: string): PodRef {
  const uid = world.addPod({
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c' }] },
  });
  return { namespace: 'default', name, uid };
}

function gone(uid: string): GuestUpdate {
  return { kind: 'gone', uid: uid as PodUid, reason: 'released', message: '' };
}

interface MadeWork {
  readonly kind: Work['kind'];
  readonly work: (ref: PodRef) => Work;
}

const guestPod: Pod = {
  metadata: { name: 'g', namespace: 'default', uid: 'uid-g' },
  spec: { containers: [{ name: 'c' }] },
};
const guest = { home: neighbour, uid: 'uid-g' as PodUid };

const writes: readonly MadeWork[] = [
  {
    kind: 'writeStatus',
    work: (ref) => ({ kind: 'writeStatus', ref, status: { phase: 'Running' } }),
  },
  { kind: 'finalize', work: (ref) => ({ kind: 'finalize', ref }) },
  { kind: 'evict', work: (ref) => ({ kind: 'evict', ref }) },
  { kind: 'unnominate', work: (ref) => ({ kind: 'unnominate', ref }) },
  { kind: 'preempt', work: (ref) => ({ kind: 'preempt', ref, node, victims: [ref] }) },
  { kind: 'checkOrphan', work: (ref) => ({ kind: 'checkOrphan', host: neighbour, ref }) },
  {
    kind: 'createShadow',
    work: () => ({ kind: 'createShadow', guest, pod: guestPod, place: { node } }),
  },
  {
    kind: 'tryShadow',
    work: () => ({ kind: 'tryShadow', id: 1, home: neighbour, pod: guestPod, place: { node } }),
  },
  {
    kind: 'patchShadow',
    work: ({ namespace, name, uid: shadowUid }) => ({
      kind: 'patchShadow',
      guest,
      namespace,
      name,
      shadowUid,
      patch: { metadata: { labels: { a: 'b' }, annotations: {} } },
    }),
  },
  {
    kind: 'deleteShadow',
    work: ({ namespace, name, uid: shadowUid }) => ({
      kind: 'deleteShadow',
      guest,
      namespace,
      name,
      shadowUid,
      gracePeriodSeconds: 0,
    }),
  },
];

interface MadeCall {
  readonly kind: Work['kind'];
  readonly work: Work;
  readonly value: never;
}

const reservationId = 'held' as ReservationId;
const calls: readonly MadeCall[] = [
  {
    kind: 'reserve',
    work: { kind: 'reserve', host: neighbour, request },
    value: { granted: 1, verdicts: [] } as never,
  },
  {
    kind: 'try',
    work: { kind: 'try', host: neighbour, tryId: 't', request: { pods: [guestPod] } as never },
    value: [] as never,
  },
  {
    kind: 'commit',
    work: {
      kind: 'commit',
      host: neighbour,
      request: { pods: [guestPod], reservationId } as never,
    },
    value: [] as never,
  },
  {
    kind: 'update',
    work: { kind: 'update', host: neighbour, request: { pods: [guestPod] } as never },
    value: [] as never,
  },
  {
    kind: 'release',
    work: { kind: 'release', host: neighbour, reservations: [reservationId], guests: [] },
    value: undefined as never,
  },
];

const advert: Advert = {
  cluster: 'paris' as ClusterName,
  peer: 'paris' as PeerId,
  version: { epoch: 1, sequence: 0 },
  ttlMs: 60_000,
  addresses: [],
  coordinate: originCoordinate,
  labels: {},
  accepting: true,
  guestsFree: 1,
  freeCapacity: { bins: [], classes: [] },
  totals: {} as never,
};
