import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { socketDirectory } from './socket-directory.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-sockets-'));
  vi.stubEnv('TMPDIR', folder);
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('socketDirectory', () => {
  test('sweeps what was left by an earlier process of the same number, as process 1 of a container is', async () => {
    const left = join(folder, `spillway-mesh-${process.pid}-before`);
    mkdirSync(left);
    const first = await socketDirectory();
    expect(existsSync(left)).toBe(false);
    const second = await socketDirectory();
    expect(existsSync(first)).toBe(true);
    expect(second).not.toBe(first);
  });

  test('leaves what a living process has', async () => {
    const living = join(folder, `spillway-mesh-${process.ppid}-in-use`);
    mkdirSync(living);
    await socketDirectory();
    expect(existsSync(living)).toBe(true);
  });
});
