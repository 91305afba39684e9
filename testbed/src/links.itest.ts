import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { city, cityRttMs } from './cities.ts';
import { freePorts } from './free-ports.ts';
import { Links } from './links.ts';
import type { Distances } from './spec.ts';
import { waitFor } from './wait-for.ts';

const names = ['a', 'b', 'c'] as const;
const clusters = names.map((name) => ({ name, city: undefined, nodes: [] }));

let links: Links;
let pid: number | undefined;
const open: { destroy(): void }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) each.destroy();
  await links.stop();
});

async function start(spec: Partial<Distances> = {}): Promise<void> {
  links = await Links.start(
    { clusters, ...spec },
    {
      onPid: (relay) => {
        pid = relay;
      },
    },
  );
}

/** What `cluster`'s agent would be: it listens, and the relay listens before it. */
async function serve(cluster: string, onClient: (client: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => {});
    open.push(client);
    onClient(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({ destroy: () => void server.close() });
  return await links.listen(cluster, (server.address() as AddressInfo).port);
}

const echo = (client: Socket): void => void client.pipe(client);

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => {});
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function said(socket: Socket, what: string): Promise<void> {
  let heard = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    heard += String(chunk);
    if (heard.includes(what)) return;
  }
  throw new Error(`the connection ended before ${what}`);
}

/** Another process, as each agent is one: it measures the least of five round trips to a port. */
class Agent {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor() {
    const script = `
      const { connect } = require('node:net');
      require('node:readline').createInterface({ input: process.stdin }).on('line', async (port) => {
        const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
        let least = Infinity;
        for (let i = 0; i < 5; i++) {
          const sent = performance.now();
          socket.write('x');
          await new Promise((resolve) => socket.once('data', resolve));
          if (i > 0) least = Math.min(least, performance.now() - sent);
        }
        socket.destroy();
        console.log(least);
      });`;
    this.#child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout ?? process.stdin });
    open.push({ destroy: () => void this.#child.kill('SIGKILL') });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async rttMs(port: number): Promise<number> {
    this.#child.stdin?.write(`${port}\n`);
    const [line] = (await once(this.#lines, 'line')) as [string];
    return Number(line);
  }
}

describe('links', () => {
  test('each pair is as far apart as the matrix says, in both directions', async () => {
    await start({ rttMs: { a: { b: 20, c: 60 }, b: { c: 100 } } });
    const ports = new Map<string, number>();
    for (const name of names) ports.set(name, await serve(name, echo));
    const agents = names.map((name) => ({ name, agent: new Agent() }));
    for (const { name, agent } of agents) await links.register(name, agent.pid);
    const matrix: Readonly<Record<string, number>> = { ab: 20, ac: 60, bc: 100 };
    for (const { name: from, agent } of agents) {
      for (const to of names.filter((each) => each !== from)) {
        const wanted = matrix[[from, to].toSorted().join('')] ?? Number.NaN;
        const measured = await agent.rttMs(ports.get(to) ?? 0);
        expect(links.rttMs(from, to)).toBe(wanted);
        expect(measured).toBeGreaterThanOrEqual(wanted - 1);
        // Timers of a busy machine.
        expect(measured).toBeLessThan(wanted + 15);
      }
    }
  });

  test('cities are as far apart as on the map, unless the matrix says otherwise', async () => {
    const placed = ['paris', 'lyon', 'athens'].map((name) => ({ name, city: name, nodes: [] }));
    await start({ clusters: placed, rttMs: { athens: { lyon: 7 } } });
    const [paris, lyon] = [city('paris'), city('lyon')];
    if (paris === undefined || lyon === undefined) throw new Error('no such city');
    expect(links.rttMs('paris', 'lyon')).toBe(cityRttMs(paris, lyon));
    // 392 km × 2 × 1.5 / 200 km a ms + 2 ms.
    expect(links.rttMs('lyon', 'paris')).toBeCloseTo(7.9, 1);
    expect(links.rttMs('lyon', 'athens')).toBe(7);
  });

  test('a distance that changes is that of open connections too; a stranger is not delayed', async () => {
    await start();
    const port = await serve('b', echo);
    const agent = new Agent();
    expect(await agent.rttMs(port)).toBeLessThan(15);
    await links.setRttMs('a', 'b', 80);
    expect(await agent.rttMs(port)).toBeLessThan(15);
    await links.register('a', agent.pid);
    expect(await agent.rttMs(port)).toBeGreaterThanOrEqual(79);
  });

  test('a cut holds back one direction, and healing lets through all of it, in order', async () => {
    await start();
    await links.register('a', process.pid);
    const heard: string[] = [];
    let client: Socket | undefined;
    const port = await serve('b', (socket) => {
      client = socket;
      socket.on('data', (chunk: Buffer) => heard.push(String(chunk)));
    });
    const socket = await dial(port);
    socket.write('before,');
    await waitFor('b hears a', () => (heard.join('') === 'before,' ? true : undefined), {
      timeoutMs: 5_000,
    });
    await links.cut('a', 'b');
    socket.write('one,');
    socket.write('two,');
    // b still reaches a, and by then what a said would have come, too.
    client?.write('still here');
    await said(socket, 'still here');
    expect(heard.join('')).toBe('before,');
    await links.heal('a', 'b');
    await waitFor('b hears the rest', () => (heard.join('').length > 7 ? true : undefined), {
      timeoutMs: 5_000,
    });
    expect(heard.join('')).toBe('before,one,two,');
  });

  test('a cut hides also that a connection, or its process, has ended', async () => {
    await start();
    await links.register('a', process.pid);
    let ended = 0;
    const port = await serve('b', (socket) => {
      socket.on('end', () => (ended += 1));
      socket.on('close', () => (ended += 1));
      socket.resume();
      socket.write('welcome');
    });
    const [gentle, abrupt] = [await dial(port), await dial(port)];
    await Promise.all([said(gentle, 'welcome'), said(abrupt, 'welcome')]);
    await links.cut('a', 'b');
    gentle.end();
    abrupt.resetAndDestroy();
    // A third connection, dialled later, says what the others can't: time has passed at the relay.
    const agent = new Agent();
    const other = await serve('c', echo);
    await agent.rttMs(other);
    expect(ended).toBe(0);
    await links.heal('a', 'b');
    await waitFor('both have ended', () => (ended >= 2 ? true : undefined), { timeoutMs: 5_000 });
  });

  test('what was said before a connection ended still arrives, however far', async () => {
    await start({ rttMs: { a: { b: 100 } } });
    await links.register('a', process.pid);
    const bytes = 3_000_000;
    let received = 0;
    let ends = 0;
    const port = await serve('b', (socket) => {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      socket.on('end', () => {
        ends += 1;
        socket.end('thanks');
      });
    });
    const socket = await dial(port);
    socket.end(Buffer.alloc(bytes, 'x'));
    await said(socket, 'thanks');
    expect({ received, ends }).toEqual({ received: bytes, ends: 1 });
  });

  test('a receiver that does not read makes its sender wait, and not the relay grow', async () => {
    await start();
    await links.register('a', process.pid);
    const port = await serve('b', (client) => client.pause());
    const socket = await dial(port);
    const chunk = Buffer.alloc(1_000_000, 'x');
    let sent = 0;
    // 8 MB are held by each of two pipes and a few by the kernel; 200 MB are never taken.
    const patience = performance.now() + 3_000;
    while (performance.now() < patience && sent < 200) {
      sent += 1;
      if (socket.write(chunk)) continue;
      const drained = await Promise.race([
        once(socket, 'drain').then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500)),
      ]);
      if (!drained) break;
    }
    expect(sent).toBeLessThan(60);
  });

  test('a new connection over a cut link hears nothing until it is healed', async () => {
    await start();
    await links.register('a', process.pid);
    const port = await serve('b', echo);
    await links.cut('b', 'a');
    const socket = await dial(port);
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += String(chunk)));
    socket.write('hello');
    const agent = new Agent();
    await agent.rttMs(await serve('c', echo));
    expect(heard).toBe('');
    await links.heal('b', 'a');
    await waitFor('the echo', () => (heard === 'hello' ? true : undefined), { timeoutMs: 5_000 });
  });

  test('nodes: the dialler is told by its address, and whichever node listens is found', async () => {
    await start({ rttMs: { a: { b: 60 } } });
    await links.setNodes('a', ['127.0.0.1']);
    await links.setNodes('b', ['127.0.0.7', '127.0.0.8']);
    const [nodePort = 0] = await freePorts(1);
    const listenOn = async (host: string): Promise<Server> => {
      const server = createServer(echo).listen(nodePort, host);
      await once(server, 'listening');
      open.push({ destroy: () => void server.close() });
      return server;
    };
    const before = await listenOn('127.0.0.8');
    const port = await links.listen('b', nodePort);
    const agent = new Agent();
    const measured = await agent.rttMs(port);
    expect(measured).toBeGreaterThanOrEqual(59);
    expect(measured).toBeLessThan(75);
    // The active agent moves to another node.
    before.close();
    await listenOn('127.0.0.7');
    expect(await agent.rttMs(port)).toBeGreaterThanOrEqual(59);
  });

  test('commands fail when the relay has died, and stopping is no fault', async () => {
    await start();
    process.kill(pid ?? 0, 'SIGKILL');
    await waitFor(
      'commands fail',
      async () => {
        try {
          await links.cut('a', 'b');
          return undefined;
        } catch (error) {
          return error;
        }
      },
      { timeoutMs: 5_000 },
    );
    await links.stop();
    await links.stop();
  });
});
