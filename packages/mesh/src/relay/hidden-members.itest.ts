/**
 * Two members that cannot open a connection to each other: each is a process in a network of its own,
 * behind a router that masquerades what goes out and drops what comes in unasked.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey, privateKeyText } from '../identity/keys.ts';
import type {
  MemberCommand,
  MemberConfig,
  MemberView,
  ReserveOutcome,
} from '../testing/member-process.ts';
import { namespacesLeft, Networks, type Place } from '../testing/network-namespaces.ts';

const soon = { timeout: 60_000, interval: 200 };
const port = 7420;
const program = fileURLToPath(new URL('../testing/member-process.ts', import.meta.url));

/** Arguments of `ip` that run Node in a place. */
function inNamespace({ namespace }: Place, args: readonly string[]): string[] {
  return ['netns', 'exec', namespace, process.execPath, ...args];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

class Member {
  readonly place: Place;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 0;

  constructor(place: Place, config: MemberConfig) {
    this.place = place;
    this.#process = spawn(
      'ip',
      inNamespace(place, ['--conditions=spillway-source', program, JSON.stringify(config)]),
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    this.#process.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  async look(): Promise<MemberView> {
    return (await this.#ask({ kind: 'look' })) as MemberView;
  }

  async reserve(of: string, calls = 1): Promise<ReserveOutcome> {
    return (await this.#ask({ kind: 'reserve', of, calls })) as ReserveOutcome;
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  async #ask(command: MemberCommand): Promise<unknown> {
    const id = this.#next++;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#process.send({ id, command });
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }
}

let networks: Networks;
let root: string;
let relays: Member[];
let paris: Member;
let oslo: Member;
const all: Member[] = [];

function start(place: Place, config: Omit<MemberConfig, 'root'>): Member {
  const member = new Member(place, { root, ...config });
  all.push(member);
  return member;
}

function relay(place: Place, name: string, bootstrap: readonly string[]): Member {
  const listen = [`/ip4/${place.ip}/tcp/${port}`];
  return start(place, { name, listen, announce: [], bootstrap });
}

beforeAll(async () => {
  root = privateKeyText(await newKey());
  networks = await Networks.make();
  const [lyonAt, bernAt] = [await networks.open('lyon'), await networks.open('bern')];
  const bootstrap = [`/ip4/${lyonAt.ip}/tcp/${port}`];
  relays = [relay(lyonAt, 'lyon', []), relay(bernAt, 'bern', bootstrap)];
  const hidden = async (name: string): Promise<Member> =>
    // It listens, as an agent does by default; nobody can dial it there.
    start(await networks.hidden(name), { name, listen: [], announce: [], bootstrap });
  paris = await hidden('paris');
  oslo = await hidden('oslo');
});

afterAll(async () => {
  await Promise.all(all.map((each) => each.kill()));
  await networks?.remove();
  expect((await namespacesLeft()).filter((name) => name.includes(`-${process.pid}-`))).toEqual([]);
});

/** Whether a TCP connection can be opened from one place to an address. */
async function opens(from: Place, to: string): Promise<boolean> {
  const script = `
    const socket = require('node:net').connect(${port}, '${to}');
    socket.setTimeout(2000, () => process.exit(1));
    socket.on('error', () => process.exit(1));
    socket.on('connect', () => process.exit(0));`;
  return await promisify(execFile)('ip', inNamespace(from, ['-e', script])).then(
    () => true,
    () => false,
  );
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  await expect.poll(async () => await holds().catch(() => false), soon).toBe(true);
}

const waits = ({ relay: { waitsAt } }: MemberView): string => [...waitsAt].sort().join();

describe('members behind routers that let nothing in', () => {
  test('can dial a third one, and not each other’s routers', async () => {
    await until(async () => (await relays[0]?.look())?.addresses.length === 1);
    expect(await opens(paris.place, '203.0.113.1')).toBe(true);
    // The routers are the third and the fourth in the shared network.
    expect(await opens(paris.place, '203.0.113.4')).toBe(false);
    expect(await opens(oslo.place, '203.0.113.3')).toBe(false);
    expect(await opens(paris.place, oslo.place.ip)).toBe(false);
  });

  test('wait at both that can be dialled, hear and measure each other, and negotiate', async () => {
    await until(async () => {
      const views = [await paris.look(), await oslo.look()];
      return views.every((view) => waits(view) === 'bern,lyon');
    });
    await until(async () => {
      const [here, there] = [await paris.look(), await oslo.look()];
      return (
        here.heard.includes('oslo') &&
        there.heard.includes('paris') &&
        (here.rttsMs['oslo'] ?? 0) > 0 &&
        (there.rttsMs['paris'] ?? 0) > 0
      );
    });
    expect((await paris.look()).paths['oslo']).toMatch(/^relayed (lyon|bern)$/);
    expect((await paris.reserve('oslo', 20)).granted).toBe(20);
    expect((await oslo.reserve('paris', 20)).granted).toBe(20);
  });

  test('are with each other again when the relay between them is killed', async () => {
    const via = (await paris.look()).paths['oslo']?.split(' ')[1];
    const [killed, left] = via === 'lyon' ? relays : relays.toReversed();
    const leftName = via === 'lyon' ? 'bern' : 'lyon';
    await killed?.kill();
    await until(async () => (await paris.look()).paths['oslo'] === `relayed ${leftName}`);
    expect((await paris.reserve('oslo')).granted).toBe(1);
    await until(async () => (await oslo.look()).heard.includes('paris'));
    // It comes back, with nothing but its name and its place.
    const back = relay(killed?.place as Place, `${via}`, [`/ip4/${left?.place.ip}/tcp/${port}`]);
    await until(async () => (await back.look()).relay.reservations === 2);
    await until(async () => waits(await paris.look()) === 'bern,lyon');
  });
});
