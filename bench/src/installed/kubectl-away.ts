/** kubectl, typed as a user does, of a pod that really runs at a neighbour: part of installed.itest.ts. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ensureProgram, type KindCluster, run, waitFor } from '@spillway/testbed';
import { expect, test } from 'vitest';
import { agentMemory } from './agent-memory.ts';
import { applyAll, away, ready, shopGuests } from './guest-setting.ts';

const port = 8080;
/** Says what it is told, serves a page, and ends when it is asked to. */
const talker = `
echo "life begins"
mkdir /tmp/w; echo served > /tmp/w/index.html; httpd -p ${port} -h /tmp/w
(while [ ! -e /tmp/end ]; do sleep 0.1; done; kill 1) &
trap 'exit 3' TERM
while read line; do echo "heard $line"; done
while :; do sleep 0.1; done`;

function objects(): readonly object[] {
  const metadata = { name: 'talker', namespace: 'shop', labels: { app: 'talker' } };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        ...away,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'main',
            image: 'docker.io/library/busybox:1',
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', talker],
            stdin: true,
            readinessProbe: { httpGet: { path: '/', port }, periodSeconds: 1 },
            resources: { requests: { cpu: '10m', memory: '16Mi' } },
          },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'talker', namespace: 'shop' },
      spec: { selector: { app: 'talker' }, ports: [{ port: 80, targetPort: port }] },
    },
  ];
}

export interface Clusters {
  readonly home: KindCluster;
  readonly host: KindCluster;
}

/** `clusters`: of a federation that is installed when the first test begins. */
export function kubectlAwayTests(clusters: () => Clusters): void {
  const shop = (...args: readonly string[]) => ['--namespace=shop', ...args];
  const kubectl = async (args: readonly string[], input?: string) => {
    const ran = await clusters().home.kubectl(shop(...args), input);
    expect(ran.code, ran.stderr).toBe(0);
    return ran.stdout;
  };

  test('logs: the lines of the container', async () => {
    const { home, host } = clusters();
    await applyAll(home, objects());
    await ready(host, shopGuests, 'talker');
    await ready(home, 'shop', 'talker');
    expect(await kubectl(['logs', 'talker'])).toBe('life begins\n');
    expect(await kubectl(['logs', '-l', 'app=talker', '--prefix', '--timestamps'])).toMatch(
      /^\[pod\/talker\/main\] \d{4}-\S+Z life begins\n$/,
    );
  });

  test('attach and logs -f: what is said is heard, and shown as it comes', async () => {
    const following = clusters().home.startKubectl(shop('logs', '-f', '--tail=0', 'talker'));
    const shown = firstMatch(following.stdout, /heard one\nheard two\n/);
    const attached = clusters().home.startKubectl(shop('attach', '-i', 'talker'));
    const heard = firstMatch(attached.stdout, /heard two\n/);
    attached.stdin.write('one\ntwo\n');
    await Promise.all([shown, heard]);
    expect(await kubectl(['logs', '--tail=1', 'talker'])).toBe('heard two\n');
    for (const each of [following, attached]) {
      each.kill();
      await once(each, 'exit');
    }
  });

  test('exec: input, both outputs, the exit code, and a terminal', async () => {
    const { home } = clusters();
    const command = 'tr a-z A-Z; echo problem >&2; exit 7';
    const args = shop('exec', '-i', 'talker', '--', 'sh', '-c', command);
    const ran = await home.kubectl(args, 'quiet\n');
    expect(ran).toMatchObject({ code: 7, stdout: 'QUIET\n' });
    expect(ran.stderr).toContain('problem\n');
    expect(ran.stderr).toContain('exit code 7');
    // kubectl asks for a terminal only where it has one itself.
    const inside = "sh -c 'tty; exit 5'";
    const program = await ensureProgram('kubectl');
    const typed = `${program} --kubeconfig=${home.kubeconfig} exec -n shop -it talker -- ${inside}`;
    const tty = await run('script', ['--quiet', '--return', '--command', typed, '/dev/null']);
    expect(tty.stdout).toMatch(/\/dev\/(pts\/\d|console)/);
    expect(tty.code).toBe(5);
    const missing = await home.kubectl(shop('exec', 'talker', '--', 'no-such-program'));
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain('no-such-program');
  });

  test('cp: there and back again', async () => {
    const { home } = clusters();
    const [there, back] = [join(home.folder, 'there'), join(home.folder, 'back')];
    const content = randomBytes(5 * 1024 * 1024);
    writeFileSync(there, content);
    await kubectl(['cp', there, 'talker:/tmp/file']);
    await kubectl(['cp', 'talker:/tmp/file', back]);
    expect(readFileSync(back).equals(content)).toBe(true);
  });

  test('port-forward: of the pod, and of its Service', async () => {
    for (const target of [`pod/talker :${port}`, 'service/talker :80']) {
      const forward = clusters().home.startKubectl(shop('port-forward', ...target.split(' ')));
      const [, local = ''] = await firstMatch(forward.stdout, /127\.0\.0\.1:(\d+) ->/);
      for (let i = 0; i < 3; i++) {
        const page = await fetch(`http://127.0.0.1:${local}/`);
        expect(await page.text()).toBe('served\n');
      }
      forward.kill();
      await once(forward, 'exit');
    }
  });

  test('100 MiB to a reader that pauses: all of it arrives, in bounded memory', async () => {
    const { home, host } = clusters();
    const mebibytes = 100;
    const big = `dd if=/dev/zero of=/tmp/w/big bs=1M count=${mebibytes}`;
    await kubectl(['exec', 'talker', '--', 'sh', '-c', big]);
    const before = await agentMemory([home, host]);
    const forward = home.startKubectl(shop('port-forward', 'pod/talker', `:${port}`));
    const [, local = ''] = await firstMatch(forward.stdout, /127\.0\.0\.1:(\d+) ->/);
    const { body } = await fetch(`http://127.0.0.1:${local}/big`);
    // Nobody reads, and the processes between take up what they can.
    for (let i = 0; i < 5; i++) await agentMemory([home, host]);
    let read = 0;
    for await (const chunk of body ?? []) read += (chunk as Uint8Array).length;
    expect(read).toBe(mebibytes * 1024 * 1024);
    const after = await agentMemory([home, host]);
    expect(after.peakRssMb - before.peakRssMb).toBeLessThan(80);
    forward.kill();
    await once(forward, 'exit');
  });

  test('logs --previous: of the life before', async () => {
    await kubectl(['exec', 'talker', '--', 'touch', '/tmp/end']);
    const previous = await waitFor(
      'the container lives again',
      async () => {
        const ran = await clusters().home.kubectl(shop('logs', '--previous', 'talker'));
        return ran.code === 0 ? ran.stdout : undefined;
      },
      { timeoutMs: 60_000 },
    );
    expect(previous).toContain('heard two\n');
    await kubectl(['delete', 'pod', 'talker', '--wait']);
  });
}

/** Its reader goes on reading: a program whose output nobody takes ends. */
async function firstMatch(from: Readable, pattern: RegExp): Promise<RegExpExecArray> {
  return await new Promise((resolve, reject) => {
    let text = '';
    from.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    });
    from.once('end', () => reject(new Error(`it ended, and said no ${pattern.source}: ${text}`)));
  });
}
