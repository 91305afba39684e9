/**
 * Networks that cannot reach each other, made of Linux network namespaces. One is shared by all. The others
 * are behind routers that masquerade outgoing connections and drop unrequested incoming ones. Needs root,
 * iproute2 and iptables.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { Fault } from '@spillway/core';

const run = promisify(execFile);
const prefix = 'spillway-net-';

export interface Place {
  /** Of the namespace, for `ip netns exec`. */
  readonly namespace: string;
  readonly ip: string;
}

export class Networks {
  readonly #made: string[] = [];
  #hosts = 0;

  private constructor() {}

  /** What tests that were killed have left is removed first. @throws Fault `Unavailable` saying what is missing. */
  static async make(): Promise<Networks> {
    if (process.getuid?.() !== 0) {
      throw new Fault('Unavailable', 'network namespaces need root: run this test as root');
    }
    for (const tool of ['ip', 'iptables']) {
      await run(tool, ['-V']).catch((error: unknown) => {
        const hint = `no ${tool}: apt-get install iproute2 iptables`;
        throw new Fault('Unavailable', hint, { cause: error });
      });
    }
    await sweep();
    const networks = new Networks();
    const shared = await networks.#namespace('shared');
    await ip(shared, 'link add switch type bridge');
    await ip(shared, 'link set switch up');
    return networks;
  }

  /** A place in the shared network: everyone can dial it. */
  async open(name: string): Promise<Place> {
    const namespace = await this.#namespace(name);
    const address = await this.#plug(namespace);
    return { namespace, ip: address };
  }

  /** A place behind a router of its own, from which one can only dial out. */
  async hidden(name: string): Promise<Place> {
    const router = await this.#namespace(`${name}-router`);
    const namespace = await this.#namespace(name);
    await this.#plug(router);
    await ip(namespace, `link add out type veth peer name in netns ${router}`);
    for (const [where, link, host] of [
      [router, 'in', 1],
      [namespace, 'out', 2],
    ] as const) {
      await ip(where, `address add 192.168.7.${host}/24 dev ${link}`);
      await ip(where, `link set ${link} up`);
    }
    await ip(namespace, 'route add default via 192.168.7.1');
    const exec = async (line: string) =>
      await run('ip', ['netns', 'exec', router, ...line.split(' ')]);
    await exec('sysctl -qw net.ipv4.ip_forward=1');
    await exec('iptables -t nat -A POSTROUTING -o wire -j MASQUERADE');
    for (const chain of ['INPUT', 'FORWARD']) {
      await exec(`iptables -A ${chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`);
      await exec(`iptables -A ${chain} -i wire -j DROP`);
    }
    return { namespace, ip: '192.168.7.2' };
  }

  /** Processes in them must have ended. */
  async remove(): Promise<void> {
    for (const namespace of this.#made.splice(0)) await run('ip', ['netns', 'delete', namespace]);
  }

  async #namespace(name: string): Promise<string> {
    const namespace = `${prefix}${process.pid}-${name}`;
    await run('ip', ['netns', 'add', namespace]);
    this.#made.push(namespace);
    await ip(namespace, 'link set lo up');
    return namespace;
  }

  /** To the switch, with an address of the shared network. */
  async #plug(namespace: string): Promise<string> {
    const [shared = ''] = this.#made;
    this.#hosts += 1;
    const address = `203.0.113.${this.#hosts}`;
    await ip(shared, `link add port${this.#hosts} type veth peer name wire netns ${namespace}`);
    await ip(shared, `link set port${this.#hosts} master switch up`);
    await ip(namespace, `address add ${address}/24 dev wire`);
    await ip(namespace, 'link set wire up');
    return address;
  }
}

/** Namespaces of this test that exist, of any process. */
export async function namespacesLeft(): Promise<readonly string[]> {
  const { stdout } = await run('ip', ['netns', 'list']);
  return stdout
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(prefix));
}

async function sweep(): Promise<void> {
  for (const name of await namespacesLeft()) {
    const pid = name.slice(prefix.length).split('-')[0] ?? '';
    if (!existsSync(`/proc/${pid}`)) await run('ip', ['netns', 'delete', name]);
  }
}

async function ip(namespace: string, line: string): Promise<void> {
  await run('ip', ['-n', namespace, ...line.split(' ')]);
}
