import { clusterName, isFault, podUid } from '@spillway/core';
import type { GuestUpdate } from '@spillway/federation';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newKey, type PrivateKey } from './identity/keys.ts';
import { Revocations } from './identity/revocations.ts';
import {
  certificateFor,
  clock,
  type MemberOptions,
  startMember,
  type TestMember,
} from './testing/federation.ts';
import { callBounds } from './grpc-server.ts';
import { startMesh } from './mesh.ts';
import { relayDefaults } from './relay/relay-options.ts';

const soon = { timeout: 15_000, interval: 50 };
let root: PrivateKey;
const started: TestMember[] = [];

async function member(name: string, options: Partial<MemberOptions> = {}): Promise<TestMember> {
  const each = await startMember({ root, name, ...options });
  started.push(each);
  return each;
}

/** A second one that knows the first one's address, connected to it. */
async function pair(options: Partial<MemberOptions> = {}) {
  const host = await member('lyon', options);
  const home = await member('paris', { bootstrap: host.mesh.addresses() });
  await connected(home, ['lyon']);
  await connected(host, ['paris']);
  // Who has just connected may not have subscribed yet.
  const heard = async (): Promise<number> => {
    await host.publish();
    return home.adverts.length;
  };
  await expect.poll(heard, soon).toBeGreaterThan(0);
  return { home, host, negotiator: home.mesh.negotiator(clusterName('lyon')) };
}

async function connected({ mesh }: TestMember, names: readonly string[]): Promise<void> {
  const known = () =>
    mesh
      .connected()
      .map(({ cluster }) => cluster)
      .sort();
  await expect.poll(known, soon).toEqual([...names].sort());
}

beforeAll(async () => {
  root = await newKey();
});

afterEach(async () => {
  await Promise.all(started.splice(0).map(({ mesh }) => mesh.stop()));
});

describe('mesh › membership', () => {
  test('three find each other from one address, and measure how near they are', async () => {
    const lyon = await member('lyon');
    const paris = await member('paris', { bootstrap: lyon.mesh.addresses() });
    const oslo = await member('oslo', { bootstrap: lyon.mesh.addresses() });
    await connected(lyon, ['oslo', 'paris']);
    for (const each of [lyon, paris, oslo]) await each.publish();
    // paris and oslo were told of lyon only: the rest they learn from adverts.
    await expect
      .poll(async () => {
        await Promise.all([lyon, paris, oslo].map((each) => each.publish()));
        return paris.mesh.connected().length + oslo.mesh.connected().length;
      }, soon)
      .toBe(4);
    await expect.poll(() => paris.rtts.size, soon).toBe(2);
    expect(lyon.mesh.connected().every(({ attributes }) => attributes['region'] === 'eu')).toBe(
      true,
    );
  });

  test('whom it keeps no connection with is measured all the same, and let go', async () => {
    const lyon = await member('lyon');
    const paris = await member('paris', {
      bootstrap: lyon.mesh.addresses(),
      connectionsSought: 1,
    });
    const oslo = await member('oslo', {
      bootstrap: lyon.mesh.addresses(),
      connectionsSought: 1,
    });
    await expect
      .poll(async () => {
        await Promise.all([lyon, paris, oslo].map((each) => each.publish()));
        return paris.rtts.has(clusterName('oslo')) || oslo.rtts.has(clusterName('paris'));
      }, soon)
      .toBe(true);
    await connected(paris, ['lyon']);
  });

  test('one that can’t be reached does not keep the others from being measured', async () => {
    const lyon = await member('lyon');
    const bootstrap = lyon.mesh.addresses();
    const paris = await member('paris', { bootstrap, connectionsSought: 1 });
    const rome = await member('rome', { bootstrap, connectionsSought: 1 });
    await expect
      .poll(async () => {
        await rome.publish();
        return paris.adverts.length;
      }, soon)
      .toBeGreaterThan(0);
    await rome.mesh.stop();
    paris.rtts.delete(clusterName('rome'));
    const oslo = await member('oslo', { bootstrap });
    await expect
      .poll(
        async () => {
          await oslo.publish();
          return paris.rtts.has(clusterName('oslo'));
        },
        { ...soon, timeout: 60_000 },
      )
      .toBe(true);
  });

  test('a member that comes back at another address is found again', async () => {
    const { home, host } = await pair();
    const { key } = host;
    await host.mesh.stop();
    await connected(home, []);
    const back = await member('lyon', { key, bootstrap: home.mesh.addresses() });
    expect(back.mesh.addresses()).not.toEqual(host.mesh.addresses());
    await connected(home, ['lyon']);
  });

  test('what is dropped is dialled again, without a bootstrap address', async () => {
    const { home, host } = await pair();
    const [address = ''] = host.mesh.addresses();
    await host.mesh.stop();
    await connected(home, []);
    const back = await startMesh({
      privateKey: host.key,
      certificate: await certificateFor(root, { name: 'lyon', key: host.key }),
      root: root.publicKey,
      listen: [address.replace(/\/p2p\/.*/, '')],
      announce: [],
      bootstrap: [],
      handler: undefined as never,
      podStreams: undefined as never,
      clock,
      random: { below: () => 0, unit: () => 0.5 },
      onAdvert: () => 'accepted',
      onPeer: () => {},
      onRtt: () => {},
      connectionsSought: 128,
      surveyNext: () => undefined,
      onRefused: () => {},
      onMoved: () => {},
      onAddresses: () => {},
      guestsOf: () => 0,
      relay: relayDefaults,
      revocations: new Revocations(root.publicKey),
      onRevocations: () => {},
      onRevokedMember: () => {},
    });
    await connected(home, ['lyon']);
    await back.stop();
  });

  test.each([
    [
      'of another federation',
      'wrong federation',
      async (key: PrivateKey) => ({ by: await newKey(), key }),
    ],
    ['of another key', 'wrong key', async () => ({ by: root, key: await newKey() })],
  ])('our own certificate %s is found out at start', async (_, problem, made) => {
    const key = await newKey();
    const { by, key: certified } = await made(key);
    const certificate = await certificateFor(by, { name: 'lyon', key: certified });
    const starting = startMesh({
      privateKey: key,
      certificate,
      root: root.publicKey,
      listen: [],
      announce: [],
      bootstrap: [],
      handler: undefined as never,
      podStreams: undefined as never,
      clock,
      random: { below: () => 0, unit: () => 0.5 },
      onAdvert: () => 'accepted',
      onPeer: () => {},
      onRtt: () => {},
      connectionsSought: 128,
      surveyNext: () => undefined,
      onRefused: () => {},
      onMoved: () => {},
      onAddresses: () => {},
      guestsOf: () => 0,
      relay: relayDefaults,
      revocations: new Revocations(root.publicKey),
      onRevocations: () => {},
      onRevokedMember: () => {},
    });
    await expect(starting).rejects.toThrow(`our own membership certificate is ${problem}`);
  });

  test('members of two federations do not connect, and each counts it', async () => {
    const lyon = await member('lyon');
    const other = await newKey();
    const stranger = await member('paris', { root: other, bootstrap: lyon.mesh.addresses() });
    await expect
      .poll(() => lyon.mesh.refusals()['connection: does not know the federation'], soon)
      .toBeGreaterThan(0);
    await expect
      .poll(() => stranger.mesh.refusals()['connection: hung up during the handshake'], soon)
      .toBeGreaterThan(0);
    expect(lyon.mesh.connected()).toEqual([]);
    expect(stranger.mesh.connected()).toEqual([]);
    // Logged once for that peer and reason, however often it tries.
    expect(lyon.refusals).toHaveLength(1);
  });

  test('a connection ends when the membership of the other side does', async () => {
    const lyon = await member('lyon');
    const expiresMs = Date.now() + 2_000;
    const paris = await member('paris', { bootstrap: lyon.mesh.addresses(), expiresMs });
    await connected(lyon, ['paris']);
    await paris.publish();
    await connected(lyon, []);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresMs);
    await expect
      .poll(() => lyon.mesh.refusals()['connection: certificate is expired'], soon)
      .toBeGreaterThan(0);
  });
});

describe('mesh › adverts', () => {
  test('faster than they may be are dropped and counted', async () => {
    const { home, host } = await pair();
    const heard = home.adverts.length;
    for (let i = 0; i < 100; i++) await host.publish({ i: `${i}` });
    await expect.poll(() => home.mesh.refusals()['advert: flood'], soon).toBeGreaterThan(50);
    // 20 at once and 5 a second, for the second or two that this takes.
    expect(home.adverts.length - heard).toBeLessThan(45);
  });
});

describe('mesh › negotiation', () => {
  const request = {
    homeEpoch: 7,
    requestId: 'r1',
    namespace: 'shop',
    labels: {},
    spec: { containers: [{ name: 'main', image: 'web' }] },
    count: 3,
  };

  test('a host is told who calls by the connection', async () => {
    const callers: string[] = [];
    const { negotiator } = await pair({
      handler: {
        async reserve(caller, { count }) {
          callers.push(`${caller.cluster} in ${caller.attributes['region']}`);
          return { granted: count, verdicts: [] };
        },
      },
    });
    expect(await negotiator.reserve(request, { deadlineMs: 5_000 })).toEqual({
      granted: 3,
      verdicts: [],
    });
    expect(callers).toEqual(['paris in eu']);
  });

  test('a deadline ends a call that hangs', async () => {
    const { negotiator } = await pair({ handler: { reserve: () => new Promise(() => {}) } });
    const call = negotiator.reserve(request, { deadlineMs: 200 });
    await expect(call).rejects.toSatisfy((error) => isFault(error, 'DeadlineExceeded'));
  });

  test('who is not known, or can’t be reached, is Unavailable and named', async () => {
    const { home, host, negotiator } = await pair();
    const unknown = home.mesh.negotiator(clusterName('oslo')).reserve(request, { deadlineMs: 500 });
    await expect(unknown).rejects.toThrow('oslo is not known yet');
    await host.mesh.stop();
    const gone = negotiator.reserve(request, { deadlineMs: 5_000 });
    await expect(gone).rejects.toSatisfy((error) => isFault(error, 'Unavailable'));
  });

  test('more calls at once than a member may have are refused', async () => {
    let running = 0;
    let release: () => void = () => {};
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { negotiator } = await pair({
      handler: {
        async reserve() {
          running += 1;
          await open;
          return { granted: 1, verdicts: [] };
        },
      },
    });
    const calls = Array.from(
      { length: callBounds.callsPerMemberMax + 5 },
      async () =>
        await negotiator.reserve(request, { deadlineMs: 3_000 }).then(
          () => 'granted',
          (error: unknown) => (isFault(error) ? error.code : 'other'),
        ),
    );
    await expect.poll(() => running, soon).toBe(callBounds.callsPerMemberMax);
    release();
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter((outcome) => outcome === 'granted').length).toBeGreaterThanOrEqual(
      callBounds.callsPerMemberMax,
    );
    expect(outcomes.every((outcome) => outcome !== 'other')).toBe(true);
  });

  test('a stream of guests comes in order, holds back for a slow reader, and ends when cancelled', async () => {
    const total = 20_000;
    let sent = 0;
    let ended = false;
    const { negotiator } = await pair({
      handler: {
        async *watchGuests(_caller, _request, signal): AsyncIterable<GuestUpdate> {
          try {
            for (; sent < total && !signal.aborted; sent++) yield update(sent);
          } finally {
            ended = true;
          }
        },
      },
    });
    const cancel = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const each of negotiator.watchGuests(
        { homeEpoch: 7 },
        { signal: cancel.signal },
      )) {
        if (each.kind === 'status') seen.push(each.name);
        if (seen.length === 1) await steady(() => sent);
        if (seen.length === 100) cancel.abort();
      }
    })();
    await reading.catch(() => {});
    expect(seen.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, i) => `pod-${i}`));
    // While nobody read, the host stopped: windows and buffers hold a part of it only.
    expect(sent).toBeLessThan(total);
    await expect.poll(() => ended, soon).toBe(true);
  });

  /** Waits until `value` has stopped growing. */
  async function steady(value: () => number): Promise<void> {
    let last = -1;
    const unchanged = () => {
      const same = value() === last;
      last = value();
      return same;
    };
    await expect.poll(unchanged, { timeout: 10_000, interval: 300 }).toBe(true);
  }

  function update(i: number): GuestUpdate {
    return {
      kind: 'status',
      uid: podUid(`uid-${i}`),
      namespace: 'shop',
      name: `pod-${i}`,
      status: { phase: 'Running', message: 'x'.repeat(1_000) },
      terminating: false,
    };
  }
});
