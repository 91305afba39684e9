/** `spillway federation …` on real files: what is in the way, who may read, two at once. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  folderOfAllTests,
  folderOfEachTest,
  sourceProgram,
  type TestFolder,
} from '../testing/test-folder.ts';

const main = new URL('../main.ts', import.meta.url);
const asNobody = new URL('../testing/as-nobody.ts', import.meta.url);
const rootKey = 'root/federation.key';
/** A root, a cluster of it, and a cluster of another root: what each test has a copy of. */
const given = folderOfAllTests((made) => {
  const admits = ['admit', '--cluster', 'paris', '--root'];
  for (const args of [
    ['init', '--out', 'root'],
    ['init', '--out', 'other'],
    [...admits, rootKey, '--out', 'paris'],
    [...admits, 'other/federation.key', '--out', 'stranger'],
  ]) {
    const { status, stderr } = federationIn(made, main, args);
    expect(status, stderr).toBe(0);
  }
});
// With the modes, which cpSync does not keep of folders.
const folder = folderOfEachTest(({ path }) =>
  execFileSync('cp', ['-a', `${given().path}/.`, path]),
);

describe('admit', () => {
  test('keeps the identity of another cluster, unless told to replace it', () => {
    const before = contents('paris');
    const refused = federation('admit', '--root', rootKey, '--cluster', 'lyon', '--out', 'paris');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('paris has the identity of cluster paris (peer 12D3KooW');
    expect(contents('paris')).toEqual(before);
    const forced = admit('lyon', '--out', 'paris', '--force');
    expect(forced.stderr).toContain('the identity of cluster paris');
    expect(contents('paris')['peer.key']).not.toBe(before['peer.key']);
    expect(inspected('paris').cluster).toBe('lyon');
  });

  test('keeps the membership of another federation, unless told to replace it', () => {
    const other = ['--root', 'other/federation.key', '--cluster', 'paris', '--out', 'paris'];
    const refused = federation('admit', ...other);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('paris has the membership of paris in federation');
    succeeds('admit', ...other, '--force');
    expect(contents('paris')['federation.pub']).toBe(contents('other')['federation.pub']);
  });

  test('renews: the key stays, and gets mode 0600 back with a word', () => {
    const { 'peer.key': key } = contents('paris');
    chmodSync(folder().at('paris/peer.key'), 0o644);
    const renewed = admit('paris', '--out', 'paris', '--days', '30');
    expect(renewed.stderr).toContain('was open to other users (mode 0644)');
    expect(contents('paris')['peer.key']).toBe(key);
    expect(folder().modeOf('paris/peer.key')).toBe(0o600);
    expect(folder().modeOf('paris')).toBe(0o700);
    expect(readdirSync(folder().at('paris')).toSorted()).toEqual([
      'federation.pub',
      'membership.cert',
      'peer.key',
    ]);
  });

  test.each([
    ['a peer that is none', ['--peer', 'xyz'], 'peer id "xyz"'],
    [
      'a peer with an RSA key',
      ['--peer', 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'],
      'expected that of an Ed25519 key',
    ],
    ['days beyond any date', ['--days', '1e9'], '--days "1e9"'],
    ['days beyond ten years', ['--days', '3651'], 'expected a number from 0.01 to 3650'],
    ['no days', ['--days', '0'], 'expected a number'],
    ['letters that only look like ASCII', ['--cluster', 'p\u0430ris'], '"p\\u0430ris"'],
    ['an attribute given twice', ['--attribute', 'a=1', 'a=2'], 'the key is given twice'],
    ['an attribute that no policy can name', ['--attribute', 'name=x'], 'policies call'],
    ['a prototype as an attribute', ['--attribute', '__proto__=x'], 'a key has'],
    [
      'attributes that are too long in all',
      ['--attribute', ...Array.from({ length: 40 }, (_, i) => `k${i}=${'x'.repeat(250)}`)],
      'at most 8192 bytes',
    ],
  ])('refuses %s, and makes nothing', (_, args, problem) => {
    const cluster = args.includes('--cluster') ? [] : ['--cluster', 'paris'];
    const refused = federation(
      'admit',
      '--root',
      rootKey,
      '--out',
      'new/paris',
      ...cluster,
      ...args,
    );
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(problem);
    expect(refused.stderr).not.toContain('    at ');
    expect(existsSync(folder().at('new'))).toBe(false);
  });

  test('does not put a key into a folder that has the root key', () => {
    const refused = federation('admit', '--root', rootKey, '--cluster', 'paris', '--out', 'root');
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('is a root key, and this folder goes into a Secret');
    expect(readdirSync(folder().at('root')).toSorted()).toEqual([
      'federation.key',
      'federation.pub',
    ]);
  });

  test('does not sign with a root key that others can read', () => {
    chmodSync(folder().at(rootKey), 0o640);
    const refused = federation('admit', '--root', rootKey, '--cluster', 'lyon', '--out', 'lyon');
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('Close it: chmod 600 root/federation.key');
    expect(existsSync(folder().at('lyon'))).toBe(false);
  });

  test('does not sign with a root key that is damaged', () => {
    const text = readFileSync(folder().at(rootKey), 'utf8').split('\n');
    const bytes = Buffer.from(text.slice(1, -2).join(''), 'base64');
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    const damaged = [text[0], bytes.toString('base64'), ...text.slice(-2)].join('\n');
    writeFileSync(folder().at('damaged.key'), damaged, { mode: 0o600 });
    const refused = federation('admit', '--root', 'damaged.key', '--cluster', 'a', '--out', 'a');
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('damaged.key: private key: its text is damaged');
  });

  test('takes a root key from a pipe, as from a program that decrypts it', () => {
    const { status, stderr } = spawnSync(
      'sh',
      [
        '-c',
        'cat "$0" | exec "$@"',
        rootKey,
        process.execPath,
        ...sourceProgram(main),
        'federation',
      ].concat(['admit', '--root', '/dev/stdin', '--cluster', 'paris', '--out', 'paris']),
      { cwd: folder().path, encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('with --peer does not leave a certificate beside the key of another peer', () => {
    const peer = ['--peer', inspected('stranger').peer];
    const refused = federation(
      'admit',
      '--root',
      rootKey,
      '--cluster',
      'paris',
      '--out',
      'paris',
      ...peer,
    );
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('has the peer.key of another peer');
    admit('oslo', '--out', 'oslo', ...peer);
    expect(readdirSync(folder().at('oslo')).toSorted()).toEqual([
      'federation.pub',
      'membership.cert',
    ]);
  });

  test('of many clusters into one folder at once lets one in, and mixes nothing', async () => {
    const names = ['paris', 'lyon', 'oslo', 'bern'];
    const ends = await Promise.all(
      names.map((name) => started('admit', '--root', rootKey, '--cluster', name, '--out', 'site')),
    );
    expect(ends.filter((status) => status === 0)).toHaveLength(1);
    expect(names[ends.indexOf(0)]).toBe(inspected('site').cluster);
    expect(readdirSync(folder().at('site'))).toHaveLength(3);
  });
});

describe('init', () => {
  test('--force leaves a key that only its owner can read, whatever it was', () => {
    chmodSync(folder().at(rootKey), 0o644);
    const before = contents('root');
    const forced = succeeds('init', '--out', 'root', '--force', '--yes');
    expect(forced.stderr).toMatch(/the root of federation [0-9a-f]{16} in root is replaced/);
    expect(folder().modeOf(rootKey)).toBe(0o600);
    expect(contents('root')['federation.key']).not.toBe(before['federation.key']);
  });

  test('writes the public key again when a kill has left none', () => {
    const before = contents('root');
    rmSync(folder().at('root/federation.pub'));
    expect(succeeds('init', '--out', 'root').stdout).toContain('The root key has not changed');
    expect(contents('root')).toEqual(before);
  });

  test.each([
    ['below a file', 'root/federation.pub/x', 'federation.pub is not a folder'],
    ['below a device', '/dev/null/x', '/dev/null is not a folder'],
    ['where no folder can be made', '/proc/spillway/x', 'cannot be written'],
    ['at a broken link', 'dangling', 'a broken symbolic link is in its place'],
    ['in a name that is too long', 'x'.repeat(300), 'the name is too long'],
    ['where others can write', 'open', 'chmod go-w open'],
    ['beside an identity', 'paris', "peer.key is a cluster's"],
  ])('%s says what is in the way', (_, out, problem) => {
    symlinkSync(folder().at('nowhere'), folder().at('dangling'));
    mkdirSync(folder().at('open'));
    chmodSync(folder().at('open'), 0o777);
    const refused = federation('init', '--out', out);
    expect(refused.stderr).toContain(problem);
    expect(refused.stderr).not.toContain('    at ');
    expect(refused.status).toBe(2);
  });

  test('does not write through a link in place of the key', () => {
    mkdirSync(folder().at('new'));
    symlinkSync(folder().at('elsewhere'), folder().at('new/federation.key'));
    expect(federation('init', '--out', 'new').stderr).toContain('is a symbolic link');
    expect(existsSync(folder().at('elsewhere'))).toBe(false);
  });

  test('names the lock that a killed command has left', () => {
    writeFileSync(folder().at('root/.spillway-lock'), '1\n');
    const refused = federation('init', '--out', 'root', '--force', '--yes');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('root/.spillway-lock exists');
  });
});

describe('revoke', () => {
  test('by several at once loses none: who is refused says so', async () => {
    const names = ['paris', 'lyon', 'oslo', 'bern'];
    const args = ['--root', rootKey, '--out', 'revocations.list'];
    const ends = await Promise.all(
      names.map((name) => started('revoke', ...args, '--cluster', name)),
    );
    const shown = succeeds('inspect', 'revocations.list', '-o', 'json').stdout;
    const revoked = (JSON.parse(shown) as readonly { readonly cluster: string }[]).map(
      ({ cluster }) => cluster,
    );
    expect(revoked.toSorted()).toEqual(names.filter((_, i) => ends[i] === 0).toSorted());
  });

  test.each([
    ['a peer that is none', ['--peer', 'xyz'], 'peer id "xyz"'],
    ['half a serial', ['--serial', 'abcd'], 'expected 32 hex digits'],
    ['a reason with a line break', ['--cluster', 'a', '--reason', 'x\ny'], '--reason'],
    ['a namespace that is a command', ['--cluster', 'a', '-n', 'x; rm -rf y'], '--namespace'],
    [
      'a certificate of another federation',
      ['--certificate', 'stranger/membership.cert'],
      'is not the root of it',
    ],
    ['a list that is damaged', ['--cluster', 'a', '--out', 'bad.list'], 'bad.list: expected'],
    ['a folder for a list', ['--cluster', 'a', '--out', 'root'], 'not a regular file'],
    ['a list in no folder', ['--cluster', 'a', '--out', 'no/list'], 'its folder does not exist'],
  ])('refuses %s, and writes nothing', (_, args, problem) => {
    writeFileSync(folder().at('bad.list'), 'rubbish');
    const before = readdirSync(folder().path);
    const out = args.includes('--out') ? [] : ['--out', 'revocations.list'];
    const refused = federation('revoke', '--root', rootKey, ...args, ...out);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(problem);
    expect(readdirSync(folder().path)).toEqual(before);
    expect(readFileSync(folder().at('bad.list'), 'utf8')).toBe('rubbish');
  });
});

describe('inspect', () => {
  test.each([
    ['a folder', 'root', 'it is a folder'],
    ['what is not there', 'nothing', 'there is no such file'],
    ['what never ends', '/dev/zero', 'longer than'],
    ['a key', 'root/federation.pub', 'found SPILLWAY PUBLIC KEY'],
  ])('of %s says what it is', (_, file, problem) => {
    const refused = federation('inspect', file);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain(problem);
    expect(refused.stderr).not.toContain('    at ');
  });
});

test('a user who is not root makes keys of the same modes, and is told what it may not do', () => {
  const nobody = 65534;
  if (process.getuid?.() === 0) chownSync(folder().path, nobody, nobody);
  const made = federationBy(asNobody, 'init', '--out', 'own');
  expect(made.stderr).toBe('');
  expect(folder().modeOf('own')).toBe(0o700);
  expect(folder().modeOf('own/federation.key')).toBe(0o600);
  mkdirSync(folder().at('closed'));
  chmodSync(folder().at('closed'), 0o500);
  const args = ['--root', 'own/federation.key', '--cluster', 'paris'];
  const refused = federationBy(asNobody, 'admit', ...args, '--out', 'closed');
  expect(refused.stderr).toContain('PermissionDenied: closed/peer.key cannot be written');
  chmodSync(folder().at('own/federation.key'), 0o000);
  const unread = federationBy(asNobody, 'admit', ...args, '--out', 'lyon');
  expect(unread.stderr).toContain('own/federation.key cannot be read: this user may not read it');
  expect(existsSync(folder().at('lyon'))).toBe(false);
});

function federation(...args: readonly string[]) {
  return federationIn(folder(), main, args);
}

/** By another program than `main`. */
function federationBy(file: URL, ...args: readonly string[]) {
  return federationIn(folder(), file, args);
}

function federationIn({ path }: TestFolder, file: URL, args: readonly string[]) {
  const all = [...sourceProgram(file), 'federation', ...args];
  return spawnSync(process.execPath, all, { cwd: path, encoding: 'utf8' });
}

function succeeds(...args: readonly string[]) {
  const done = federation(...args);
  expect(done.status, done.stderr).toBe(0);
  return done;
}

function admit(cluster: string, ...args: readonly string[]) {
  return succeeds('admit', '--root', rootKey, '--cluster', cluster, ...args);
}

async function started(...args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [...sourceProgram(main), 'federation', ...args], {
    cwd: folder().path,
    stdio: 'ignore',
  });
  return await new Promise((resolve) => child.once('exit', resolve));
}

function inspected(name: string): { readonly cluster: string; readonly peer: string } {
  const { stdout } = succeeds('inspect', `${name}/membership.cert`, '-o', 'json');
  return JSON.parse(stdout) as { cluster: string; peer: string };
}

function contents(name: string): Readonly<Record<string, string>> {
  const path = folder().at(name);
  return Object.fromEntries(
    readdirSync(path).map((file) => [file, readFileSync(join(path, file), 'utf8')]),
  );
}
