/** Relayed connections between members of which two have nothing to dial. */
import { clusterName } from '@spillway/core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newKey, type PrivateKey } from '../identity/keys.ts';
import { type MemberOptions, startMember, type TestMember } from '../testing/federation.ts';
import { startUntrueRelay, type UntrueRelay } from '../testing/untrue-relay.ts';

const soon = { timeout: 20_000, interval: 50 };
let root: PrivateKey;
const started: TestMember[] = [];

beforeAll(async () => {
  root = await newKey();
});

afterEach(async () => {
  await Promise.all(started.splice(0).map(({ mesh }) => mesh.stop()));
});

async function member(name: string, options: Partial<MemberOptions> = {}): Promise<TestMember> {
  const each = await startMember({ root, name, ...options });
  started.push(each);
  return each;
}

/** Publishes until `done`, as agents do. */
async function speaking(members: readonly TestMember[], done: () => unknown): Promise<void> {
  await expect
    .poll(async () => {
      await Promise.all(members.map((each) => each.publish()));
      return Boolean(done());
    }, soon)
    .toBe(true);
}

function path(from: TestMember, to: TestMember): string | undefined {
  const { kind, via = '' } = from.mesh.paths().get(to.mesh.peer) ?? {};
  return kind && `${kind} ${via}`.trim();
}

const request = {
  homeEpoch: 7,
  requestId: 'r1',
  namespace: 'shop',
  labels: {},
  spec: { containers: [{ name: 'main', image: 'web' }] },
  count: 3,
};

/** paris and oslo listen nowhere; lyon relays. */
async function relayed(options: Partial<MemberOptions> = {}) {
  const lyon = await member('lyon');
  const bootstrap = lyon.mesh.addresses();
  const paris = await member('paris', { listen: [], bootstrap });
  const oslo = await member('oslo', {
    listen: [],
    bootstrap,
    handler: {
      reserve: async (_caller, { count }) => ({ granted: count, verdicts: [] }),
    },
    ...options,
  });
  await speaking([lyon, paris, oslo], () => path(paris, oslo) && path(oslo, paris));
  return { lyon, paris, oslo };
}

describe('relay › members that listen nowhere', () => {
  test('know, measure and call each other through a third', async () => {
    const { lyon, paris, oslo } = await relayed();
    expect(paris.mesh.addresses()).toEqual([expect.stringContaining('/p2p-circuit/p2p/')]);
    expect(path(paris, oslo)).toBe('relayed lyon');
    expect(path(oslo, paris)).toBe('relayed lyon');
    expect(path(paris, lyon)).toBe('direct');
    await expect.poll(() => paris.rtts.get(clusterName('oslo')), soon).toBeGreaterThan(0);
    const answer = await paris.mesh
      .negotiator(clusterName('oslo'))
      .reserve(request, { deadlineMs: 5_000 });
    expect(answer.granted).toBe(3);
    expect(lyon.mesh.relay()).toMatchObject({ serves: true, waitsAt: [], reservations: 2 });
    expect(lyon.mesh.relay().circuits).toBeGreaterThan(0);
    expect(oslo.mesh.relay()).toMatchObject({ serves: false, waitsAt: ['lyon'] });
  });

  test('find another relay when theirs ends, and the same one when it comes back', async () => {
    const { lyon, paris, oslo } = await relayed();
    const bern = await member('bern', { bootstrap: lyon.mesh.addresses() });
    const at = (each: TestMember) => [...each.mesh.relay().waitsAt].sort().join();
    await speaking(
      [lyon, bern, paris, oslo],
      () => at(paris) === 'bern,lyon' && at(oslo) === 'bern,lyon',
    );
    const [address = ''] = lyon.mesh.addresses();
    await lyon.mesh.stop();
    await speaking([bern, paris, oslo], () => path(paris, oslo) === 'relayed bern');
    expect(at(paris)).toBe('bern');
    const calling = paris.mesh.negotiator(clusterName('oslo'));
    expect((await calling.reserve(request, { deadlineMs: 5_000 })).granted).toBe(3);
    const back = await member('lyon', { key: lyon.key, listen: [address.replace(/.p2p.*/, '')] });
    await speaking([bern, paris, oslo, back], () => at(paris) === 'bern,lyon');
  });

  test('are refused where there is no room, and wait elsewhere', async () => {
    const lyon = await member('lyon', { relay: { reservationsMax: 1 } });
    const bootstrap = lyon.mesh.addresses();
    const bern = await member('bern', { bootstrap });
    const paris = await member('paris', { listen: [], bootstrap });
    const oslo = await member('oslo', { listen: [], bootstrap });
    await speaking([lyon, bern, paris, oslo], () => bern.mesh.relay().reservations === 2);
    expect(lyon.mesh.relay().reservations).toBe(1);
    await speaking([lyon, bern, paris, oslo], () => path(paris, oslo));
  });

  test('are not served by who does not want to, or can’t be dialled either', async () => {
    const lyon = await member('lyon', { relay: { serve: false } });
    const bern = await member('bern', { reachable: false, bootstrap: lyon.mesh.addresses() });
    const paris = await member('paris', { listen: [], bootstrap: lyon.mesh.addresses() });
    await speaking([lyon, bern, paris], () => paris.mesh.connected().length === 1);
    for (const each of [lyon, bern]) expect(each.mesh.relay().serves).toBe(false);
    expect(bern.mesh.addresses()).toEqual([]);
  });

  test('open another circuit when one has carried all that it may', async () => {
    const lyon = await member('lyon', { relay: { circuitBytesMax: 200_000 } });
    const bootstrap = lyon.mesh.addresses();
    const paris = await member('paris', { listen: [], bootstrap });
    const oslo = await member('oslo', {
      listen: [],
      bootstrap,
      handler: { reserve: async (_caller, { count }) => ({ granted: count, verdicts: [] }) },
    });
    await speaking([lyon, paris, oslo], () => path(paris, oslo));
    const calling = paris.mesh.negotiator(clusterName('oslo'));
    const large = { ...request, labels: { padding: 'x'.repeat(60) } };
    let [granted, failed] = [0, 0];
    await expect
      .poll(
        async () => {
          const calls = Array.from({ length: 50 }, (_, i) =>
            calling.reserve({ ...large, requestId: `${i}` }, { deadlineMs: 5_000 }),
          );
          for (const { status } of await Promise.allSettled(calls)) {
            if (status === 'fulfilled') granted += 1;
            else failed += 1;
          }
          // Some were cut off, and after them others were answered, for many times the limit.
          return failed > 0 && granted > 2_000;
        },
        { timeout: 60_000 },
      )
      .toBe(true);
  });
});

describe('relay › a member that can be dialled after all', () => {
  test('is moved to, without a call lost, and measured again', async () => {
    const lyon = await member('lyon');
    const bootstrap = lyon.mesh.addresses();
    const paris = await member('paris', { listen: [], bootstrap });
    const oslo = await member('oslo', {
      bootstrap,
      handler: { reserve: async (_caller, { count }) => ({ granted: count, verdicts: [] }) },
    });
    // oslo does not say where it is: only it can reach paris, through lyon.
    await expect
      .poll(async () => {
        await Promise.all([lyon.publish(), paris.publish(), oslo.publish({}, [])]);
        return path(paris, oslo);
      }, soon)
      .toBe('relayed lyon');
    const calling = paris.mesh.negotiator(clusterName('oslo'));
    let calls = 0;
    const done = new AbortController();
    const caller = (async () => {
      while (!done.signal.aborted) {
        await calling.reserve({ ...request, requestId: `${calls}` }, { deadlineMs: 5_000 });
        calls += 1;
      }
    })();
    await expect.poll(() => calls, soon).toBeGreaterThan(20);
    // One advert may get lost. An agent says it again.
    await expect
      .poll(async () => {
        await oslo.publish();
        return path(paris, oslo);
      }, soon)
      .toBe('direct');
    expect(paris.moved.at(-1)).toBe('oslo');
    // The relayed one ends, calls and adverts go on.
    await expect.poll(() => lyon.mesh.relay().circuits, soon).toBe(0);
    const before = calls;
    const heard = paris.adverts.length;
    await expect.poll(() => calls, soon).toBeGreaterThan(before + 20);
    done.abort();
    await caller;
    await lyon.mesh.stop();
    await speaking([paris, oslo], () => paris.adverts.length > heard + 2);
    expect(path(oslo, paris)).toBe('direct');
  });
});

describe('relay › one that is a member and untrue', () => {
  /** A member that waits there, and its address. */
  async function waiting(name: string, judas: UntrueRelay, options: Partial<MemberOptions> = {}) {
    const each = await member(name, { listen: [], bootstrap: judas.addresses, ...options });
    await expect.poll(() => each.mesh.addresses().length, soon).toBe(1);
    return { each, address: each.mesh.addresses().slice(0, 1) };
  }

  test('reads nothing of what it relays', async () => {
    const judas = await startUntrueRelay(root);
    const secret = 'what-only-oslo-may-know';
    const asked: unknown[] = [];
    const { each: oslo, address } = await waiting('oslo', judas, {
      handler: {
        reserve: async (_caller, { labels, count }) => {
          asked.push(labels['secret']);
          return { granted: count, verdicts: [] };
        },
      },
    });
    const paris = await member('paris', { listen: [], bootstrap: address });
    await speaking([paris, oslo], () => paris.adverts.length > 0 && oslo.adverts.length > 0);
    expect(path(paris, oslo)).toBe('relayed judas');
    const before = judas.seen().length;
    const calling = paris.mesh.negotiator(clusterName('oslo'));
    await calling.reserve({ ...request, labels: { secret } }, { deadlineMs: 5_000 });
    expect(asked).toEqual([secret]);
    // It did pass by, and what passed by says nothing.
    expect(judas.seen().length - before).toBeGreaterThan(300);
    for (const plain of [secret, 'shop', 'Reserve', '/spillway/negotiation', 'meshsub', 'paris']) {
      expect(judas.seen().includes(plain), plain).toBe(false);
    }
    await judas.stop();
  });

  test('can’t pass one member off as another', async () => {
    const judas = await startUntrueRelay(root);
    const { each: oslo, address } = await waiting('oslo', judas);
    const { each: accomplice } = await waiting('bern', judas);
    const caller = await member('paris', { listen: [], bootstrap: address });
    await speaking([caller, oslo], () => caller.adverts.length > 0 && path(caller, oslo));
    judas.mislead(oslo.mesh.peer, accomplice.mesh.peer);
    judas.mislead(caller.mesh.peer, accomplice.mesh.peer);
    judas.cut();
    // They seek each other again and again; each time the one before has been seen through.
    await expect.poll(() => judas.misled(), soon).toBeGreaterThan(3);
    for (const there of [oslo, accomplice]) {
      expect(path(caller, there)).toBeUndefined();
      expect(path(there, caller)).toBeUndefined();
    }
    const calling = caller.mesh.negotiator(clusterName('oslo'));
    await expect(calling.reserve(request, { deadlineMs: 5_000 })).rejects.toThrow(
      "oslo can't be reached",
    );
    await judas.stop();
  });
});
