import type { Answer, Call } from '@spillway/agent-core';
import {
  type ContractWorld,
  driverContract,
  neighbour,
  ScriptedAgent,
} from '@spillway/agent-core/testing';
import { Fault, isFault, type MonotonicMs, type Pod, type PodUid } from '@spillway/core';
import type { GuestUpdate, NegotiationClient, PodRef } from '@spillway/federation';
import { expect, test } from 'vitest';
import { Driver, type DriverOptions } from './driver.ts';
import type { HomePlacementWrites, HomeWrites, HostWrites, NodeWrites } from './driver-ports.ts';

/** The API server that writes go to, as far as the driver sees it. */
class FewPods implements HomeWrites, HostWrites, HomePlacementWrites, NodeWrites {
  readonly #pods = new Map<string, Pod>();
  broken = false;

  add(pod: Pod): PodUid {
    const { name = '' } = pod.metadata;
    const uid = `uid-${name}` as PodUid;
    this.#pods.set(name, { ...pod, metadata: { ...pod.metadata, uid } });
    return uid;
  }

  bindPod = async (ref: PodRef) => this.#on(ref, 'bound' as const);
  patchPodStatus = async (ref: PodRef) => this.#on(ref, 'ok' as const);
  finalizeDeletion = async (ref: PodRef) => this.#on(ref, 'ok' as const);
  evictPod = async (ref: PodRef) => this.#on(ref, 'ok' as const);
  nominate = async (ref: PodRef) => this.#on(ref, 'ok' as const);
  endPreempted = async (ref: PodRef) => this.#on(ref, 'ok' as const);
  getPod = async (_namespace: string, name: string) => {
    this.#reached();
    return this.#pods.get(name);
  };
  keep = async () => this.#reached();
  remove = async () => this.#reached();
  writeVolume = async () => this.#reached();
  createShadow = async () => {
    this.#reached();
    return { kind: 'created' } as const;
  };
  tryShadow = async () => {
    this.#reached();
    return { kind: 'accepted' } as const;
  };
  patchShadow = async () => {
    this.#reached();
    return { kind: 'patched' } as const;
  };
  deleteShadow = async () => this.#reached();

  #on<Outcome>(ref: PodRef, outcome: Outcome): Outcome | 'gone' {
    this.#reached();
    return this.#pods.get(ref.name)?.metadata.uid === ref.uid ? outcome : 'gone';
  }

  #reached(): void {
    if (this.broken) throw new Fault('Unavailable', 'connection refused');
  }
}

const nothing = (): void => {};

function driverOf(
  options: Pick<DriverOptions, 'agent' | 'clock' | 'onBroken'> & { readonly pods: FewPods },
): Driver {
  const { agent, pods, clock, onBroken } = options;
  return new Driver({
    agent,
    epoch: 1,
    writes: pods,
    placement: pods,
    nodes: pods,
    reporter: {
      begins: nothing,
      ended: nothing,
      failed: nothing,
      reservedHere: nothing,
      preempted: nothing,
      published: nothing,
      streamEnded: nothing,
      notice: nothing,
    },
    clock,
    onBroken,
  });
}

test('a machine that breaks an invariant is told of, also where the caller only gets a fault', async () => {
  class BrokenAgent extends ScriptedAgent {
    override step(): never {
      throw new Fault('Internal', 'invariant broken: a pod is in two states');
    }
  }
  const broken: unknown[] = [];
  const driver = driverOf({
    agent: new BrokenAgent(),
    pods: new FewPods(),
    clock: { monotonicMs: () => 0 as MonotonicMs, wallMs: () => 0 as never },
    onBroken: (error) => broken.push(error),
  });
  const caller = { cluster: neighbour, peer: 'lyon' as never, attributes: {} };
  const release = { homeEpoch: 1, reservations: [], guests: [] };
  await expect(driver.release(caller, release)).rejects.toThrow('invariant broken');
  expect(broken).toHaveLength(1);
});

driverContract('daemon’s', () => {
  const agent = new ScriptedAgent();
  const pods = new FewPods();
  let answer: (of: Call) => Answer = () => ({ value: undefined });
  let shown: readonly GuestUpdate[] = [];
  let [ends, open] = [false, 0];
  const answered = async (of: Call) => {
    const given = answer(of);
    if ('fault' in given) throw given.fault;
    return given.value as never;
  };
  const negotiator: NegotiationClient = {
    reserve: async (request) => await answered({ kind: 'reserve', request }),
    tryGuests: async (request) => await answered({ kind: 'tryGuests', request }),
    commit: async (request) => await answered({ kind: 'commit', request }),
    updateGuests: async (request) => await answered({ kind: 'updateGuests', request }),
    release: async (request) => await answered({ kind: 'release', request }),
    async *watchGuests(_request, { signal }) {
      open += 1;
      try {
        yield* shown;
        if (ends) return;
        await new Promise<void>((resolve) => {
          signal?.addEventListener('abort', resolve, { once: true });
        });
      } finally {
        open -= 1;
      }
    },
  };
  const clock = {
    monotonicMs: () => performance.now() as MonotonicMs,
    wallMs: () => 0 as never,
  };
  const driver = driverOf({ agent, pods, clock, onBroken: nothing });
  driver.connect({
    negotiator: () => negotiator,
    publish: async () => 300,
  });
  const caller = { cluster: neighbour, peer: 'lyon' as never, attributes: {} };
  const world: ContractWorld = {
    agent,
    now: () => clock.monotonicMs(),
    feed: (event) => driver.feed(event),
    addPod: (pod) => pods.add(pod),
    breakWrites: () => (pods.broken = true),
    neighbourAnswers: (answers) => (answer = answers),
    neighbourShows: (updates, thenEnds) => ([shown, ends] = [updates, thenEnds]),
    streamIsOpen: () => open > 0,
    call: async (of) => {
      try {
        if (of.kind !== 'reserve') throw new Error('calls for room are enough here');
        return { value: await driver.reserve(caller, of.request) };
      } catch (error) {
        if (!isFault(error)) throw error;
        return { fault: error };
      }
    },
    readGuests: async (count) => {
      const read: GuestUpdate[] = [];
      const reader = new AbortController();
      const updates = driver.watchGuests(caller, { homeEpoch: 1 }, reader.signal);
      for await (const update of updates) {
        read.push(update);
        if (read.length === count) reader.abort();
      }
      return read;
    },
    until: async (done) => {
      while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
  return world;
});
