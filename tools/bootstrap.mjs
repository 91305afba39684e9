// Runs one of the project's programs on a machine that has only Node ≥ 20 with npm: installs the
// dependencies when they are missing or stale, then starts the program with the Node 24 that they
// brought. Plain JavaScript without dependencies, since it runs before there are any.
//
//   node tools/bootstrap.mjs PROGRAM.ts [arguments…]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.spillway-installed');
const lockDirectory = join(root, '.spillway-install.lock');
/** An install that holds its lock for longer was killed. */
const lockMsMax = 15 * 60_000;

const [program, ...args] = process.argv.slice(2);
if (program === undefined) fail('usage: node tools/bootstrap.mjs PROGRAM.ts [arguments…]');
const major = Number(process.versions.node.split('.')[0]);
if (major < 20) fail(`Node ${process.version} is too old: install Node 20 or newer and try again.`);

await install();
run();

async function install() {
  if (installed()) return;
  await lock();
  try {
    if (installed()) return;
    const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    console.error(`spillway: installing dependencies (${packageManager}), about half a minute …`);
    const started = Date.now();
    const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
    const { status } = spawnSync(
      npx,
      ['--yes', packageManager, 'install', '--frozen-lockfile', '--reporter=silent'],
      {
        cwd: root,
        stdio: ['ignore', 2, 2],
        env: { ...process.env, CI: 'true', npm_config_loglevel: 'error' },
      },
    );
    if (status !== 0) {
      // Before the exit, which runs no finally: else the next command waits for nobody.
      rmSync(lockDirectory, { recursive: true, force: true });
      fail(
        `spillway: the installation of dependencies failed (exit ${status}); see above, then try again.`,
      );
    }
    writeFileSync(stampFile, stamp());
    console.error(
      `spillway: dependencies installed in ${Math.round((Date.now() - started) / 1000)} s`,
    );
  } finally {
    rmSync(lockDirectory, { recursive: true, force: true });
  }
}

function installed() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp();
}

/** Changes with the lockfile and every package.json. */
function stamp() {
  const hash = createHash('sha256');
  const manifests = [
    'package.json',
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'testbed/package.json',
    'bench/package.json',
  ];
  for (const name of readdirSync(join(root, 'packages')).sort())
    manifests.push(`packages/${name}/package.json`);
  for (const file of manifests) {
    if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

async function lock() {
  for (;;) {
    try {
      mkdirSync(lockDirectory);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age =
        Date.now() - (statSync(lockDirectory, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > lockMsMax) rmSync(lockDirectory, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

function run() {
  const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const child = spawn(
    node,
    [
      '--conditions=spillway-source',
      '--disable-warning=ExperimentalWarning',
      join(root, program),
      ...args,
    ],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        PATH: join(modules, '.bin') + delimiter + process.env.PATH,
        NODE_COMPILE_CACHE:
          process.env.NODE_COMPILE_CACHE ?? join(modules, '.cache', 'node-compile'),
      },
    },
  );
  // The terminal sends Ctrl-C to both: the program decides what it means, and we wait for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + (signal === 'SIGINT' ? 2 : 15);
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
