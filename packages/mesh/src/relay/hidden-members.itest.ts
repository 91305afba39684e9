/**
 * Two members that cannot open a connection to each other. Each is a process in a network of its own. The
 * router of that network masquerades outgoing connections and drops unrequested incoming ones.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey, privateKeyText } from '../identity/keys.ts';
import type { MemberConfig, MemberView } from '../testing/member-process.ts';
import { inNamespace, RunningMember } from '../testing/running-member.ts';
import { namespacesLeft, Networks, type Place } from '../testing/network-namespaces.ts';

const soon = { timeout: 60_000, interval: 200 };
const port = 7420;

class Member extends RunningMember {
  readonly place: Place;

  constructor(place: Place, config: MemberConfig) {
    super(config, place);
    this.place = place;
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
