import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { ensureBinaries } from './binaries.ts';
import { controlPlanePrograms as programs } from './go-programs.ts';
import { KubeClient } from './kube-client.ts';
import { equalNodes, type LocalTestbedSpec } from './spec.ts';
import type { LocalTestbed } from './local-testbed.ts';
import { startTestbed } from './testbed.ts';
import { leftovers, portsOf, processesOf } from './testing/leftovers.ts';
import { waitFor } from './wait-for.ts';

const open: LocalTestbed[] = [];
const assets = process.env['KUBEBUILDER_ASSETS'];

afterEach(async () => {
  for (const each of open.splice(0)) await each.stop();
  if (assets === undefined) delete process.env['KUBEBUILDER_ASSETS'];
  else process.env['KUBEBUILDER_ASSETS'] = assets;
});

function specOf(name: string): LocalTestbedSpec {
  return { clusters: [{ name, city: undefined, nodes: equalNodes(1) }] };
}

async function start(name: string): Promise<LocalTestbed> {
  const testbed = await startTestbed(specOf(name));
  open.push(testbed);
  return testbed;
}

/** A process that owns a test bed, until it is killed. */
async function startOwner(): Promise<{ child: ChildProcess; folder: string }> {
  const module = fileURLToPath(new URL('./testbed.ts', import.meta.url));
  const script = `
    import { startTestbed } from ${JSON.stringify(module)};
    const testbed = await startTestbed(${JSON.stringify(specOf('owned'))});
    console.log(testbed.folder);
    setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--conditions=spillway-source', '--input-type=module', '-e', script],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const folder of createInterface({ input: child.stdout })) return { child, folder };
  throw new Error('the owner has ended');
}

describe('startTestbed', () => {
  test('two run side by side, of the same names, and do not know of each other', async () => {
    const [one, two] = await Promise.all([start('paris'), start('paris')]);
    expect(one.folder).not.toBe(two.folder);
    await one.cluster('paris').apply('{apiVersion: v1, kind: Namespace, metadata: {name: mine}}');
    await one.cluster('paris').client.get('/api/v1/namespaces/mine');
    const there = two.cluster('paris').client.get('/api/v1/namespaces/mine');
    await expect(there).rejects.toMatchObject({ status: 404 });
    await one.stop();
    await two.cluster('paris').client.get('/readyz');
  });

  test('leaves neither process nor port nor file when it is stopped, also twice', async () => {
    const testbed = await start('paris');
    const pids = processesOf(testbed.folder);
    const ports = portsOf(pids);
    // Five components, and the reaper.
    expect(pids).toHaveLength(6);
    // etcd's two, the API server's, KWOK's; the others serve nobody.
    expect(ports.length).toBeGreaterThanOrEqual(3);
    const { port } = new URL(testbed.cluster('paris').server);
    expect(ports).toContain(Number(port));
    // None that the system gives to an outgoing connection while a component is down.
    expect(Number(port)).toBeLessThan(32_768);
    expect(leftovers(testbed.folder, ports)).toHaveLength(pids.length + ports.length + 1);
    await Promise.all([testbed.stop(), testbed.stop()]);
    await testbed.stop();
    expect(leftovers(testbed.folder, ports)).toEqual([]);
  });

  test('leaves nothing when its owner is killed', async () => {
    const { child, folder } = await startOwner();
    const ports = portsOf(processesOf(folder));
    expect(ports.length).toBeGreaterThanOrEqual(3);
    child.kill('SIGKILL');
    await waitFor(
      'nothing is left',
      () => (leftovers(folder, ports).length === 0 ? true : undefined),
      { timeoutMs: 10_000 },
    );
  });

  test('hands out what kubectl needs, and nobody without a token gets in', async () => {
    const testbed = await start('paris');
    const { server } = testbed.cluster('paris');
    const { metadata } = await testbed
      .cluster('paris')
      .client.get<{ metadata: { resourceVersion: string } }>('/api/v1/nodes');
    expect(Number(metadata.resourceVersion)).toBeGreaterThan(0);
    const certificate = join(testbed.cluster('paris').folder, 'certs', 'apiserver.crt');
    const ca = readFileSync(certificate, 'utf8');
    const stranger = new KubeClient({ server, ca, credentials: { token: 'guessed' } });
    await expect(stranger.get('/api/v1/nodes')).rejects.toMatchObject({ status: 401 });
    stranger.close();
  });

  test('a component that does not start is named, with the end of its log, and nothing is left', async () => {
    const binaries = await ensureBinaries();
    const folder = mkdtempSync(join(tmpdir(), 'spillway-broken-'));
    for (const program of programs) symlinkSync(binaries[program], join(folder, program));
    rmSync(join(folder, 'etcd'));
    writeFileSync(join(folder, 'etcd'), '#!/bin/sh\necho "no such disk" >&2; exit 3\n', {
      mode: 0o755,
    });
    process.env['KUBEBUILDER_ASSETS'] = folder;
    const started = performance.now();
    const failure = await startTestbed(specOf('paris')).catch((error: unknown) => error as Error);
    expect((failure as Error).message).toMatch(/paris: etcd ended \(exit code 3\)[^]*no such disk/);
    expect(performance.now() - started).toBeLessThan(20_000);
    await waitFor('nothing is left', () => (processesOf(folder).length === 0 ? true : undefined), {
      timeoutMs: 5_000,
    });
    rmSync(folder, { recursive: true });
  });

  test('refuses names that are none, before anything is started', async () => {
    await expect(startTestbed(specOf('Paris/1'))).rejects.toMatchObject({ code: 'InvalidId' });
    const [cluster] = specOf('paris').clusters;
    const twice = { clusters: cluster === undefined ? [] : [cluster, cluster] };
    await expect(startTestbed(twice)).rejects.toThrow('the same name');
  });

  test('keeps the logs where SPILLWAY_KEEP_LOGS asks for them', async () => {
    process.env['SPILLWAY_KEEP_LOGS'] = '1';
    try {
      const testbed = await start('paris');
      const log = testbed.cluster('paris').log('kube-apiserver');
      await testbed.stop();
      expect(processesOf(testbed.folder)).toEqual([]);
      expect(existsSync(log)).toBe(true);
      rmSync(testbed.folder, { recursive: true });
    } finally {
      delete process.env['SPILLWAY_KEEP_LOGS'];
    }
  });
});
