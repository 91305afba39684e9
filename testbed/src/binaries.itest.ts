import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { controlPlanePrograms as programs } from './go-programs.ts';
import { waitFor } from './wait-for.ts';

const whole = 'first half, second half\n';
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-binaries-'));
  mkdirSync(join(folder, 'bin'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** A toolchain that takes its time: writes one half, waits until `go-on` exists, writes the other. */
function slowGo(version = 'go1.26.8'): void {
  const script = `#!/bin/sh
if [ "$1" = env ]; then echo ${version}; exit; fi
while [ "$1" != -o ]; do shift; done
echo "$2" >>"${folder}/built"
printf 'first half, ' >"$2"
while [ ! -e "${folder}/go-on" ]; do sleep 0.05; done
printf 'second half\\n' >>"$2"
`;
  writeFileSync(join(folder, 'bin', 'go'), script, { mode: 0o755 });
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Another process that needs the programs. */
function ensure(environment: Readonly<Record<string, string>> = {}): {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
} {
  const module = fileURLToPath(new URL('./binaries.ts', import.meta.url));
  const script = `
    import { ensureBinaries } from ${JSON.stringify(module)};
    try { console.log(JSON.stringify(await ensureBinaries())); }
    catch (error) { console.error(error.code + ': ' + error.message); process.exit(1); }`;
  const child = spawn(
    process.execPath,
    ['--conditions=spillway-source', '--input-type=module', '-e', script],
    {
      env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, SPILLWAY_CACHE: folder, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

function built(): readonly string[] {
  const file = join(folder, 'built');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

/** All that lies in the cache, by name. */
function cached(): ReadonlyMap<string, string> {
  const folders = readdirSync(folder).filter((name) => /^(control-plane|kwok)-/.test(name));
  return new Map(
    folders.flatMap((name) =>
      readdirSync(join(folder, name), { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(
          (entry) => [entry.name, readFileSync(join(folder, name, entry.name), 'utf8')] as const,
        ),
    ),
  );
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a.localeCompare(b);
}

describe('ensureBinaries', () => {
  test('takes what KUBEBUILDER_ASSETS has, and builds only the rest', async () => {
    slowGo();
    writeFileSync(join(folder, 'go-on'), '');
    const assets = join(folder, 'assets');
    mkdirSync(assets);
    for (const program of programs.slice(1)) writeFileSync(join(assets, program), 'given');
    const { code, stdout } = await ensure({ KUBEBUILDER_ASSETS: assets }).ended;
    expect(code).toBe(0);
    const paths = JSON.parse(stdout) as Record<string, string>;
    expect(paths['kwok']).toBe(join(assets, 'kwok'));
    expect(readFileSync(paths['etcd'] ?? '', 'utf8')).toBe(whole);
    expect(built()).toHaveLength(1);
  });

  test('assets that are not there are no reason to build for minutes; none named are none', async () => {
    slowGo();
    writeFileSync(join(folder, 'go-on'), '');
    const { code, stderr } = await ensure({ KUBEBUILDER_ASSETS: join(folder, 'typo') }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(
      `InvalidConfig: KUBEBUILDER_ASSETS: there is no folder ${folder}/typo`,
    );
    expect(built()).toEqual([]);
    expect((await ensure({ KUBEBUILDER_ASSETS: '' }).ended).code).toBe(0);
    expect(built()).toHaveLength(programs.length);
  });

  test('builds of two Kubernetes versions lie side by side, and share what is built once', async () => {
    slowGo();
    writeFileSync(join(folder, 'go-on'), '');
    const paths = async (version: string): Promise<Readonly<Record<string, string>>> => {
      const { code, stdout, stderr } = await ensure({ SPILLWAY_KUBERNETES: version }).ended;
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Record<string, string>;
    };
    const [old, later] = [await paths('1.35'), await paths('1.37')];
    const own = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    for (const program of programs) {
      expect(readFileSync(old[program] ?? '', 'utf8'), program).toBe(whole);
      if (own.includes(program)) expect(later[program]).not.toBe(old[program]);
      else expect(later[program]).toBe(old[program]);
    }
    expect(built()).toHaveLength(programs.length + own.length);
    expect(await paths('1.35')).toEqual(old);
    expect(built()).toHaveLength(programs.length + own.length);
  });

  test('a Kubernetes version that there is not is named, with those that there are', async () => {
    slowGo();
    const { code, stderr } = await ensure({ SPILLWAY_KUBERNETES: '1.12' }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('InvalidInput: SPILLWAY_KUBERNETES: There is no Kubernetes "1.12"');
    expect(stderr).toContain('1.35.4, 1.36.3, 1.37.2');
    expect(built()).toEqual([]);
  });

  test('without Go and without assets it says the ways out', async () => {
    // /usr/bin and /bin have no Go in the images that we know; to be sure, none is found at all.
    const { code, stderr } = await ensure({ PATH: join(folder, 'bin') }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('InvalidConfig: etcd has to be built and there is no Go');
    expect(stderr).toContain('Install Go 1.26 or newer');
    expect(stderr).toContain('KUBEBUILDER_ASSETS');
    expect(stderr).toContain(programs.join(', '));
  });

  test('a Go that is too old is named', async () => {
    slowGo('go1.25.3');
    const { stderr } = await ensure().ended;
    expect(stderr).toContain('etcd has to be built and go1.25.3 is too old');
  });

  test('of two at once one builds, the other waits, and nobody sees half a binary', async () => {
    slowGo();
    const both = [ensure(), ensure()];
    await waitFor('the first build is half done', () => built()[0], { timeoutMs: 20_000 });
    expect(cached().has('etcd')).toBe(false);
    writeFileSync(join(folder, 'go-on'), '');
    for (const { code } of await Promise.all(both.map(({ ended }) => ended))) expect(code).toBe(0);
    // One of each, however many asked.
    expect(built()).toHaveLength(programs.length);
    expect([...cached()].toSorted(byName)).toEqual(
      programs.map((program) => [program, whole] as const).toSorted(byName),
    );
    const again = await ensure().ended;
    expect(again.code).toBe(0);
    expect(built()).toHaveLength(programs.length);
  });

  test('a build that was killed leaves nothing that the next one does not mend', async () => {
    slowGo();
    const { child, ended } = ensure();
    await waitFor('the build is half done', () => built()[0], { timeoutMs: 20_000 });
    child.kill('SIGKILL');
    await ended.catch(() => {});
    expect(cached().has('etcd')).toBe(false);
    expect([...cached().keys()].filter((name) => name.endsWith('.partial'))).toHaveLength(1);
    writeFileSync(join(folder, 'go-on'), '');
    // Its lock is stale after a minute; here a minute has passed.
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith('.lock')) rmSync(join(folder, name), { recursive: true });
    }
    expect((await ensure().ended).code).toBe(0);
    expect([...cached()].toSorted(byName)).toEqual(
      programs.map((program) => [program, whole] as const).toSorted(byName),
    );
  });

  test('a build that fails says why, and leaves nothing', async () => {
    const script =
      '#!/bin/sh\n[ "$1" = env ] && echo go1.26.8 && exit\necho "no space left" >&2\nexit 2\n';
    writeFileSync(join(folder, 'bin', 'go'), script, { mode: 0o755 });
    const { code, stderr } = await ensure().ended;
    expect(code).toBe(1);
    expect(stderr).toContain('no space left');
    expect(stderr).toContain('building etcd v1.36');
    expect([...cached().keys()]).toEqual([]);
  });
});
