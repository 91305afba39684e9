import { Duplex, PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { clusterName, podUid } from '@spillway/core';
import { type PodStreamRequest, refusedStream } from '@spillway/federation';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newKey, type PrivateKey } from './identity/keys.ts';
import type { PodStreamBounds, PodStreamHandler } from './pod-streams.ts';
import { startMember, type TestMember } from './testing/federation.ts';

const lyon = clusterName('lyon');
const never = new AbortController().signal;
const log: PodStreamRequest = {
  uid: podUid('3f1c0b1e-0000-4000-8000-000000000001'),
  kind: 'log',
  container: 'main',
  parameters: [['tailLines', '3']],
  upgrade: undefined,
  headers: [],
};
const exec: PodStreamRequest = {
  ...log,
  kind: 'exec',
  parameters: [['command', 'sh']],
  upgrade: 'SPDY/3.1',
  headers: [['x-stream-protocol-version', 'v4.channel.k8s.io']],
};
const ok = { status: 200, headers: [], message: '' };

let root: PrivateKey;
const members: TestMember[] = [];

beforeEach(async () => {
  root = await newKey();
});

afterEach(async () => {
  await Promise.all(members.splice(0).map(({ mesh }) => mesh.stop()));
});

/** A home that is connected with a host that answers so. */
async function pair(
  podStreams: PodStreamHandler,
  podStreamBounds: PodStreamBounds = { perNeighbourMax: 8, hostedMax: 16 },
): Promise<TestMember> {
  const host = await startMember({ root, name: 'lyon', podStreams, podStreamBounds });
  members.push(host);
  const home = await startMember({ root, name: 'paris', bootstrap: host.mesh.addresses() });
  members.push(home);
  await expect.poll(() => home.mesh.connected().length).toBe(1);
  return home;
}

describe('a stream of a pod that is away', () => {
  test('carries the request whole, the answer, and all bytes both ways', async () => {
    const asked: [string, PodStreamRequest][] = [];
    const home = await pair(async ({ cluster }, request) => {
      asked.push([cluster, request]);
      const echo = new PassThrough();
      const head = { status: 101, headers: [['x-stream-protocol-version', 'v4']], message: '' };
      return { head: head as never, body: echo };
    });
    const { head, duplex } = await home.mesh.openPodStream(lyon, exec, never);
    expect(asked).toEqual([['paris', exec]]);
    expect(head).toEqual({
      status: 101,
      headers: [['x-stream-protocol-version', 'v4']],
      message: '',
    });
    const said = Buffer.alloc(3 * 1024 * 1024, 'spillway');
    duplex.end(said);
    expect((await buffer(duplex)).equals(said)).toBe(true);
  });

  test('waits for a slow reader, and loses nothing', async () => {
    const total = 24 * 1024 * 1024;
    let given = 0;
    const home = await pair(async () => {
      const body = new Readable({
        read(size) {
          const bytes = Math.min(size, total - given);
          given += bytes;
          this.push(bytes === 0 ? null : Buffer.alloc(bytes, given % 251));
        },
      });
      return { head: ok, body };
    });
    const { duplex } = await home.mesh.openPodStream(lyon, log, never);
    let before = -1;
    // It stands still by itself, since nobody reads.
    await expect
      .poll(() => [before, (before = given)].every((each) => each === given), { interval: 300 })
      .toBe(true);
    expect(given).toBeGreaterThan(0);
    expect(given).toBeLessThan(8 * 1024 * 1024);
    expect((await buffer(duplex)).length).toBe(total);
  });

  test('brings all that was said by an end that closes at once, to a reader that pauses', async () => {
    const said = Buffer.alloc(5 * 1024 * 1024, 'last words');
    let closed = 0;
    const home = await pair(async () => {
      const body = new Duplex({ read() {}, write: (_, __, done) => done() });
      body.push(said);
      body.push(null);
      body.once('end', () => body.destroy());
      body.once('close', () => (closed += 1));
      return { head: { ...ok, status: 101 }, body };
    });
    const opened = [];
    for (let i = 0; i < 5; i++) opened.push(await home.mesh.openPodStream(lyon, exec, never));
    await expect.poll(() => closed).toBe(5);
    for (const { head, duplex } of opened) {
      expect(head.status).toBe(101);
      expect((await buffer(duplex)).equals(said)).toBe(true);
      duplex.end();
    }
  });

  test.each([
    ['says nothing more', true],
    ['could still say something', false],
  ])('ends at the host when the home goes, which %s', async (_, silent) => {
    let gone = false;
    const body = new PassThrough();
    const home = await pair(async (_, __, signal) => {
      signal.addEventListener('abort', () => (gone = true));
      return { head: ok, body };
    });
    const { duplex } = await home.mesh.openPodStream(lyon, log, never);
    if (silent) await new Promise<void>((resolve) => duplex.end(resolve));
    duplex.destroy();
    await expect.poll(() => gone && body.destroyed).toBe(true);
  });

  test('ends at the host when the home gives up before there is an answer', async () => {
    let [asked, gone] = [false, false];
    const home = await pair(async (_, __, signal) => {
      asked = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      gone = true;
      return { head: ok };
    });
    const given = new AbortController();
    const opening = home.mesh.openPodStream(lyon, log, given.signal);
    await expect.poll(() => asked).toBe(true);
    given.abort();
    await expect(opening).rejects.toThrow();
    await expect.poll(() => gone).toBe(true);
  });

  test('fails at home when it breaks at the host, and does not seem to be whole', async () => {
    const body = new PassThrough();
    const home = await pair(async () => ({ head: ok, body }));
    const { duplex } = await home.mesh.openPodStream(lyon, log, never);
    body.write('half a');
    await new Promise((resolve) => duplex.once('readable', resolve));
    body.destroy(new Error('the node is gone'));
    await expect(text(duplex)).rejects.toThrow();
  });

  test('fails at home when the host’s agent ends', async () => {
    const home = await pair(async () => ({ head: ok, body: new PassThrough() }));
    const { duplex } = await home.mesh.openPodStream(lyon, log, never);
    await members[0]?.mesh.stop();
    await expect(text(duplex)).rejects.toThrow();
  });
});

describe('a host', () => {
  test('says why it does not open a stream, as its API server does', async () => {
    const home = await pair(async () => ({ head: refusedStream(404, 'no such container') }));
    const { head } = await home.mesh.openPodStream(lyon, log, never);
    expect(head).toEqual(refusedStream(404, 'no such container'));
  });

  test('carries as many at once for a neighbour as its bound says, and then more again', async () => {
    const bodies: Duplex[] = [];
    const handler: PodStreamHandler = async () => {
      const body = new PassThrough();
      bodies.push(body);
      return { head: ok, body };
    };
    const home = await pair(handler, { perNeighbourMax: 2, hostedMax: 16 });
    const open = async () => (await home.mesh.openPodStream(lyon, log, never)).head.status;
    expect([await open(), await open(), await open()]).toEqual([200, 200, 429]);
    bodies[0]?.destroy();
    await expect.poll(open).toBe(200);
  });

  test('carries as many for all as its other bound says, and none where it lends none', async () => {
    const handler: PodStreamHandler = async () => ({ head: ok, body: new PassThrough() });
    const home = await pair(handler, { perNeighbourMax: 2, hostedMax: 1 });
    await home.mesh.openPodStream(lyon, log, never);
    const second = await home.mesh.openPodStream(lyon, log, never);
    expect(second.head).toMatchObject({ status: 429 });
    const other = await pair(handler, { perNeighbourMax: 0, hostedMax: 1 });
    expect((await other.mesh.openPodStream(lyon, log, never)).head.status).toBe(403);
  });

  test('that cannot be reached is a fault', async () => {
    const home = await startMember({ root, name: 'paris' });
    members.push(home);
    await expect(home.mesh.openPodStream(lyon, log, never)).rejects.toMatchObject({
      code: 'Unavailable',
    });
  });
});
