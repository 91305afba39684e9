/**
 * The relay between agents. It is a process of its own, so that no other busy loop delays a packet. For each
 * agent there is one listener, whose address the agent announces. The relay finds out itself which agent
 * dials it (dialler.ts), since agents do not know of the relay. See docs/adr/0012.
 *
 * Its one argument is the address on which it listens: loopback, or the gateway of the nodes' network.
 *
 * Every chunk waits half the pair's RTT, in order, in each direction. A cut direction holds what it gets. A
 * partition does the same until TCP gives up. New connections hang.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { dialler, nodesOf, setNodes, watchPid } from './dialler.ts';
import { connectFirst } from './first-to-accept.ts';

export type RelayCommand =
  | {
      readonly kind: 'listen';
      readonly id: number;
      readonly to: string;
      readonly targetPort: number;
    }
  | {
      readonly kind: 'register';
      readonly id: number;
      readonly cluster: string;
      readonly pid: number;
    }
  | {
      readonly kind: 'nodes';
      readonly id: number;
      readonly cluster: string;
      readonly addresses: readonly string[];
    }
  | {
      readonly kind: 'rtt';
      readonly id: number;
      readonly a: string;
      readonly b: string;
      readonly ms: number;
    }
  | {
      readonly kind: 'cut';
      readonly id: number;
      readonly from: string;
      readonly to: string;
      readonly cut: boolean;
    };

export interface RelayAnswer {
  readonly id: number;
  readonly port?: number;
}

const host = process.argv[2] ?? '127.0.0.1';
const rtts = new Map<string, number>();
const cuts = new Set<string>();
const pipes = new Set<Pipe>();
/** What a delayed or cut direction may hold before its sender has to wait. */
const heldBytesMax = 8 * 1024 * 1024;

/** One direction of one connection: what comes in at `source` goes out at `sink`, later. */
class Pipe {
  readonly from: string;
  readonly to: string;
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #held: { readonly due: number; readonly what: Buffer | 'end' | 'reset' }[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ends: { from: string; to: string; source: Socket; sink: Socket }) {
    this.from = ends.from;
    this.to = ends.to;
    this.#source = ends.source;
    this.#sink = ends.sink;
    this.#source.on('data', (chunk: Buffer) => {
      this.#hold(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > heldBytesMax) this.#source.pause();
    });
    this.#source.on('end', () => this.#hold('end'));
    // The end of a connection travels as slowly as what was said before it, and no cut lets it by.
    this.#source.on('close', (hadError) => {
      if (hadError || !this.#source.readableEnded) this.#hold('reset');
      if (this.#sink.destroyed) this.#over();
    });
    this.#sink.on('drain', () => this.flush());
    this.#sink.on('close', () => this.#over());
    if (this.#source.destroyed) this.#hold('reset');
    this.#source.resume();
  }

  flush(): void {
    clearTimeout(this.#timer);
    if (cuts.has(`${this.from}>${this.to}`) || this.#sink.writableNeedDrain) return;
    const now = performance.now();
    for (let next = this.#held[0]; next !== undefined && next.due <= now; next = this.#held[0]) {
      this.#held.shift();
      if (next.what === 'reset') return void this.#sink.destroy();
      if (next.what === 'end') {
        this.#sink.end();
        continue;
      }
      this.#heldBytes -= next.what.length;
      if (!this.#sink.write(next.what)) break;
    }
    if (this.#heldBytes <= heldBytesMax) this.#source.resume();
    const first = this.#held[0];
    if (first === undefined || this.#sink.writableNeedDrain) return;
    this.#timer = setTimeout(() => this.flush(), Math.max(0, first.due - now));
  }

  #hold(what: Buffer | 'end' | 'reset'): void {
    this.#held.push({ due: performance.now() + oneWayMs(this.from, this.to), what });
    this.flush();
  }

  #over(): void {
    clearTimeout(this.#timer);
    pipes.delete(this);
  }
}

function oneWayMs(from: string, to: string): number {
  return (rtts.get(pair(from, to)) ?? 0) / 2;
}

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

function listen(to: string, targetPort: number): Promise<number> {
  const options = { noDelay: true, pauseOnConnect: true, allowHalfOpen: true };
  const server = createServer(options, (client) => {
    // Someone who is no registered agent (a drill's stranger) is not delayed.
    const from = dialler(client) ?? '';
    const target = connectFirst(nodesOf(to) ?? ['127.0.0.1'], targetPort);
    // Errors end a socket, and its end is passed on by the pipes.
    client.on('error', () => {});
    target.on('error', () => {});
    // The first packet of a TCP connection takes a round trip before anything can be said.
    setTimeout(() => {
      pipes.add(new Pipe({ from, to, source: client, sink: target }));
      pipes.add(new Pipe({ from: to, to: from, source: target, sink: client }));
    }, 2 * oneWayMs(from, to));
  });
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function obey(command: RelayCommand): Promise<RelayAnswer> {
  switch (command.kind) {
    case 'listen':
      return { id: command.id, port: await listen(command.to, command.targetPort) };
    case 'register':
      watchPid(command.pid, command.cluster);
      break;
    case 'nodes':
      setNodes(command.cluster, command.addresses);
      break;
    case 'rtt':
      rtts.set(pair(command.a, command.b), command.ms);
      break;
    case 'cut': {
      const key = `${command.from}>${command.to}`;
      if (command.cut) cuts.add(key);
      else cuts.delete(key);
      for (const each of pipes)
        if (each.from === command.from && each.to === command.to) each.flush();
      break;
    }
  }
  return { id: command.id };
}

process.on('message', (command: RelayCommand) => {
  void obey(command).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C goes to the whole terminal; the owner ends the relay when it is done with it.
process.on('SIGINT', () => {});
