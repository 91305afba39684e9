import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cacheFolder, ensureProgram } from '../binaries.ts';
import { waitFor } from '../wait-for.ts';
import { dockerCall } from './docker-client.ts';
import { type OwnDaemon, OwnDaemons } from './own-daemon.ts';

const name = `test-${process.pid}`;
const daemons = new OwnDaemons(name);
const gone = { timeoutMs: 20_000 };
const mayStart = process.platform === 'linux' && process.getuid?.() === 0;

afterAll(async () => {
  await daemons.stop();
  for (const end of ['', '.log']) {
    rmSync(join(cacheFolder(), 'docker', `${name}${end}`), { recursive: true, force: true });
  }
});

/** Of a daemon: others may use this machine while we look. */
const traces = new RegExp(
  `${name}|spillway-d|docker0|DOCKER|br-|veth|198\\.18\\.|^[a-z_/0-9]+ \\d+$`,
);

/** What a daemon could leave on this machine, one line each. */
function footprint(): readonly string[] {
  const said = (program: string, ...args: string[]): string[] =>
    execFileSync(program, args, { encoding: 'utf8' }).split('\n');
  const folder = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
  return [
    ...said('ip', '-o', 'link').map((line) => line.split(':')[1] ?? ''),
    ...said('ip', 'route'),
    ...said('/usr/sbin/iptables', '-S'),
    ...said('/usr/sbin/iptables', '-t', 'nat', '-S'),
    ...readFileSync('/proc/self/mountinfo', 'utf8').split('\n'),
    ...folder('/run/netns'),
    ...folder('/run/spillway-docker'),
    ...folder('/sys/fs/cgroup').flatMap((hierarchy) => folder(join('/sys/fs/cgroup', hierarchy))),
    ...['net/ipv4/ip_forward', 'fs/inotify/max_user_instances', 'kernel/panic'].map(
      (setting) => `${setting} ${readFileSync(`/proc/sys/${setting}`, 'utf8').trim()}`,
    ),
    ...execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n'),
  ]
    .filter((line) => traces.test(line))
    .toSorted();
}

/** A privileged container of a program that waits; its address. */
async function runContainer({ host }: OwnDaemon): Promise<string> {
  const pause = await ensureProgram('pause');
  const image = execFileSync('sh', [
    '-c',
    `tar -C ${dirname(pause)} -c ${basename(pause)} | DOCKER_HOST=${host} docker import - pause:test`,
  ]);
  expect(String(image)).toContain('sha256:');
  await dockerCall(host, ['network', 'create', 'nodes']);
  const flags = ['--detach', '--privileged', '--network=nodes', '--name=waiting'];
  await dockerCall(host, ['run', ...flags, 'pause:test', '/pause']);
  const format = '--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  return await dockerCall(host, ['inspect', format, 'waiting']);
}

/** How a port answers that nobody listens at: `ECONNREFUSED` when its machine is reached. */
async function knock(host: string): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port: 9, timeout: 5_000 });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('timeout', () => resolve('timeout'));
    socket.once('connect', () => resolve('connected'));
  });
}

/** Everything in the daemon's process namespace, as when the machine's session ends. */
function killAll({ pid }: OwnDaemon): void {
  const children = `/proc/${pid}/ns/pid_for_children`;
  const namespace = readlinkSync(children);
  for (const other of readdirSync('/proc').map(Number).filter(Boolean)) {
    try {
      if (readlinkSync(`/proc/${other}/ns/pid`) === namespace) process.kill(other, 'SIGKILL');
    } catch {
      // Ended with another.
    }
  }
}

describe.runIf(mayStart)('a Docker daemon of our own', () => {
  /** What was there before may go meanwhile: the last test bed's daemon ends some seconds after it. */
  async function expectNothingLeft(before: readonly string[]): Promise<void> {
    await waitFor(
      'nothing is left',
      () => {
        expect(footprint().filter((line) => !before.includes(line))).toEqual([]);
        return true;
      },
      gone,
    );
  }

  test('runs privileged containers that this machine reaches, and leaves nothing', async () => {
    // The first one installs it.
    await daemons.start();
    await daemons.stop();
    const before = footprint();
    const daemon = await daemons.start();
    expect(await knock(await runContainer(daemon))).toBe('ECONNREFUSED');
    expect(footprint().filter((line) => !before.includes(line))).not.toEqual([]);
    expect((await daemons.start()).pid).toBe(daemon.pid);
    expect(await daemons.stop()).toBe(true);
    await expectNothingLeft(before);
    expect(await daemons.stop()).toBe(false);
  });

  test('starts again after everything was killed, and after it was lost, with its images and without its containers', async () => {
    const before = footprint();
    const first = await daemons.start();
    await runContainer(first);
    killAll(first);
    await waitFor('it has ended', () => (daemons.find() === undefined ? true : undefined), gone);
    const second = await daemons.start();
    expect(await dockerCall(second.host, ['ps', '--all', '--quiet'])).toBe('');
    expect(await dockerCall(second.host, ['images', '--quiet', 'pause:test'])).not.toBe('');
    expect(await knock(await runContainer(second))).toBe('ECONNREFUSED');
    // One whose starter was killed before it was written down.
    rmSync(`/run/spillway-docker/${name}/daemon.json`);
    const third = await daemons.start();
    expect(third.pid).not.toBe(second.pid);
    expect(await dockerCall(third.host, ['ps', '--all', '--quiet'])).toBe('');
    await daemons.stop();
    await expectNothingLeft(before);
  });
});
