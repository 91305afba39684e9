/**
 * Node for a platform, from the npm registry. It is the package that `node`, on which this checkout runs,
 * installs for this machine, or the same for the other platform. It is checked against the digests below,
 * and not against what the registry says today.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { Fault } from '@spillway/core';
import { type Architecture, nodeArchitectureOf, type Platform } from './platform.ts';
import { type ImageFile } from './file-tree.ts';
import { readTar } from './tar-entries.ts';

/** To be raised together with `node` in the checkout's package.json: a test compares them. */
export const nodeVersion = '24.21.0';

/** `npm view node-linux-<architecture>@<version> dist.integrity` */
export const nodeIntegrity: Readonly<Record<Architecture, string>> = {
  amd64:
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  arm64:
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};

/** The binary and its licence, fetched once. @throws Fault `Unavailable`, or `InvalidInput` on a wrong digest. */
export async function nodeFiles(
  platform: Platform,
  cache: string,
): Promise<ReadonlyMap<string, ImageFile>> {
  const archive = await nodeArchive(platform, cache);
  const kept = new Map([
    ['package/bin/node', 'nodejs/bin/node'],
    ['package/LICENSE', 'usr/share/doc/nodejs/LICENSE'],
  ]);
  const files = await readTar(createReadStream(archive).pipe(createGunzip()), (path) =>
    kept.get(path),
  );
  for (const path of kept.values()) {
    if (!files.has(path)) throw new Fault('InvalidInput', `${archive} holds no ${path}`);
  }
  return files;
}

async function nodeArchive(platform: Platform, cache: string): Promise<string> {
  const name = `node-linux-${nodeArchitectureOf(platform)}`;
  const integrity = nodeIntegrity[platform === 'linux/arm64' ? 'arm64' : 'amd64'];
  const file = join(cache, 'npm', `${name}-${nodeVersion}.tgz`);
  if (existsSync(file) && (await integrityOf(file)) === integrity) return file;
  mkdirSync(join(cache, 'npm'), { recursive: true });
  const folder = await mkdtemp(join(cache, 'npm', 'partial-'));
  try {
    await promisify(execFile)(
      'npm',
      ['pack', `${name}@${nodeVersion}`, '--pack-destination', folder, '--loglevel', 'error'],
      { cwd: folder },
    );
    const fetched = join(folder, `${name}-${nodeVersion}.tgz`);
    const found = await integrityOf(fetched);
    if (found !== integrity) {
      throw new Fault(
        'InvalidInput',
        `${name}@${nodeVersion} from the npm registry is ${found}, expected ${integrity}`,
      );
    }
    renameSync(fetched, file);
    return file;
  } catch (error) {
    if (error instanceof Fault) throw error;
    const { stderr = String(error) } = error as { stderr?: string };
    throw new Fault(
      'Unavailable',
      `npm could not fetch ${name}@${nodeVersion}; is the registry in reach? ${stderr.trim()}`,
      { cause: error },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function integrityOf(file: string): Promise<string> {
  return `sha512-${createHash('sha512')
    .update(await readFile(file))
    .digest('base64')}`;
}
