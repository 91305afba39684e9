/** The server as API servers meet it: real TLS. Who may is asked of real API servers in bench/src/federation. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Duplex, PassThrough } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { clusterName, podUid } from '@spillway/core';
import { type PodStreamRequest, refusedStream } from '@spillway/federation';
import type { NodeAccess, User } from '@spillway/kubernetes';
import { type ClientCertificate, clientCertificate } from '@spillway/testbed';
import { afterEach, describe, expect, test } from 'vitest';
import { KubeletServer, type KubeletServerOptions } from './kubelet-server.ts';
import { selfSignedCertificate } from './self-signed.ts';

const apiServer = clientCertificate('kube-apiserver', 'system:masters');
const serving = selfSignedCertificate('spillway-agent', Date.now());
const log = '/containerLogs/shop/web/main';
const exec = '/exec/shop/web/main?command=sh';
const running: KubeletServer[] = [];

afterEach(() => {
  for (const server of running.splice(0)) server.stop();
});

/** Lets in the group system:masters, and the token `good`; each stream says back what it is told. */
async function started(changed: Partial<KubeletServerOptions> = {}) {
  const asked: (User & NodeAccess)[] = [];
  const opened: PodStreamRequest[] = [];
  const server = new KubeletServer({
    address: '127.0.0.1',
    port: 0,
    streamsMax: 2,
    trust: { serving, clientCa: apiServer.cert },
    reviews: {
      userOf: async (token) => (token === 'good' ? { username: 'g', groups: [] } : undefined),
      async mayUse(user, access) {
        asked.push({ ...user, ...access });
        return user.username === 'g' || user.groups?.includes('system:masters') === true;
      },
    },
    podAway: (namespace, name) =>
      namespace === 'shop' && name === 'web'
        ? { uid: podUid('u'), host: clusterName('lyon') }
        : undefined,
    async open(_, wanted) {
      opened.push(wanted);
      const isLog = wanted.kind === 'log';
      const duplex = new PassThrough();
      if (isLog) duplex.write('a line\n');
      return { head: { status: isLog ? 200 : 101, headers: [], message: '' }, duplex };
    },
    onProblem: (error) => {
      throw error;
    },
    ...changed,
  });
  await server.start();
  running.push(server);
  return { server, asked, opened };
}

interface Asking {
  readonly path: string;
  readonly certificate?: ClientCertificate;
  readonly token?: string;
  readonly upgrade?: boolean;
}

async function send({ port }: KubeletServer, { path, certificate, token, upgrade }: Asking) {
  const sent = request({
    host: '127.0.0.1',
    port,
    path,
    method: upgrade ? 'POST' : 'GET',
    ...certificate,
    rejectUnauthorized: false,
    agent: false,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(upgrade && { connection: 'Upgrade', upgrade: 'SPDY/3.1' }),
    },
  });
  sent.end();
  const upgraded = once(sent, 'upgrade') as Promise<[IncomingMessage, Duplex, Buffer]>;
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  for (const each of [upgraded, answered]) each.catch(() => {});
  const [response, socket] = await Promise.race([upgraded, answered]);
  return { status: response.statusCode, response, socket };
}

describe('a caller', () => {
  test('with a certificate of the client CA is who it says, in its groups', async () => {
    const { server, asked } = await started();
    const { status, response } = await send(server, { path: log, certificate: apiServer });
    expect(status).toBe(200);
    expect(await text(response)).toBe('a line\n');
    expect(asked).toEqual([
      {
        username: 'kube-apiserver',
        groups: ['system:masters', 'system:authenticated'],
        verb: 'get',
        subresource: 'proxy',
        node: 'spillway-lyon',
      },
    ]);
  });

  test.each<readonly [string, Omit<Asking, 'path'>]>([
    ['without anything', {}],
    ['with a certificate of its own', { certificate: clientCertificate('x', 'system:masters') }],
    ['with the serving certificate', { certificate: serving }],
    ['with a bad token', { token: 'bad' }],
  ])('%s is nobody, whatever it asks for', async (_, who) => {
    const { server, asked, opened } = await started();
    for (const path of [log, '/healthz', '/pods', '/containerLogs/shop/none/main']) {
      expect((await send(server, { path, ...who })).status).toBe(401);
    }
    const refused = await send(server, { path: exec, upgrade: true, ...who });
    expect(refused.status).toBe(401);
    expect(await text(refused.response)).toBe('Unauthorized\n');
    expect([asked, opened]).toEqual([[], []]);
  });

  test('without a client CA is known by a token only', async () => {
    const { server } = await started({ trust: { serving, clientCa: undefined } });
    expect((await send(server, { path: log, certificate: apiServer })).status).toBe(401);
    expect((await send(server, { path: log, certificate: serving })).status).toBe(401);
    expect((await send(server, { path: log, token: 'good' })).status).toBe(200);
  });

  test('is known by the client CA of now', async () => {
    const { server } = await started();
    const next = clientCertificate('kube-apiserver', 'system:masters');
    expect((await send(server, { path: log, certificate: next })).status).toBe(401);
    server.trust({ serving, clientCa: next.cert });
    expect((await send(server, { path: log, certificate: next })).status).toBe(200);
    expect((await send(server, { path: log, certificate: apiServer })).status).toBe(401);
  });
});

describe('a stream', () => {
  test('that is opened by an upgrade carries bytes both ways, and ends with either end', async () => {
    const { server, opened } = await started();
    const { socket, status } = await send(server, { path: exec, token: 'good', upgrade: true });
    expect(status).toBe(101);
    expect(opened).toMatchObject([{ uid: 'u', kind: 'exec', parameters: [['command', 'sh']] }]);
    socket?.end('echo');
    expect(socket && (await text(socket))).toBe('echo');
  });

  test('whose reader pauses, and whose other end closes after its last byte, arrives whole', async () => {
    const total = 32 * 1024 * 1024;
    let given = 0;
    const { server } = await started({
      async open() {
        const duplex = new Duplex({
          read(size) {
            const bytes = Math.min(size, total - given);
            given += bytes;
            this.push(bytes === 0 ? null : Buffer.alloc(bytes, 'x'));
          },
          write: (_, __, done) => done(),
        });
        duplex.once('end', () => duplex.destroy());
        return { head: { status: 101, headers: [], message: '' }, duplex };
      },
    });
    const { socket } = await send(server, { path: exec, token: 'good', upgrade: true });
    let before = -1;
    await expect
      .poll(() => [before, (before = given)].every((each) => each === given), { interval: 300 })
      .toBe(true);
    expect(given).toBeLessThan(total);
    expect(socket && (await buffer(socket)).length).toBe(total);
  });

  test('that nobody waits for any more is not waited for at the host', async () => {
    let gone: AbortSignal | undefined;
    const { server } = await started({
      open: async (_, __, signal) => {
        gone = signal;
        return await new Promise(() => {});
      },
    });
    const sent = request({
      host: '127.0.0.1',
      port: server.port,
      path: log,
      rejectUnauthorized: false,
      headers: { authorization: 'Bearer good' },
    });
    sent.on('error', () => {});
    sent.end();
    await expect.poll(() => gone !== undefined).toBe(true);
    sent.destroy();
    await expect.poll(() => gone?.aborted).toBe(true);
  });

  test('that the host refuses, or that does not reach it, says so', async () => {
    const refusing = await started({
      open: async () => ({
        head: refusedStream(400, 'no such container'),
        duplex: undefined as never,
      }),
    });
    const refused = await send(refusing.server, { path: log, token: 'good' });
    expect([refused.status, await text(refused.response)]).toEqual([400, 'no such container\n']);
    const cut = await started({ open: async () => await Promise.reject(new Error('no way')) });
    const failed = await send(cut.server, { path: exec, token: 'good', upgrade: true });
    expect([failed.status, await text(failed.response)]).toEqual([502, 'neighbour lyon: no way\n']);
  });

  test('that breaks does not look whole', async () => {
    const duplex = new Duplex({ read() {}, write: (_, __, done) => done() });
    const { server } = await started({
      open: async () => ({ head: { status: 200, headers: [], message: '' }, duplex }),
    });
    const { response } = await send(server, { path: log, token: 'good' });
    duplex.push('half');
    await once(response, 'readable');
    duplex.destroy(new Error('cut'));
    await expect(text(response)).rejects.toThrow();
  });

  test('is one of a bounded number', async () => {
    const { server } = await started();
    const open = async () => await send(server, { path: exec, token: 'good', upgrade: true });
    const first = await open();
    expect([first.status, (await open()).status, (await open()).status]).toEqual([101, 101, 429]);
    first.socket?.destroy();
    await expect.poll(async () => (await open()).status).toBe(101);
  });
});
