/** Where and with what something was measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  askedKubernetes,
  type KubernetesMinor,
  kubernetesVersions,
  pinnedVersion,
} from '@spillway/testbed';
import type { Report } from '../results/result.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

export function machine(): Report['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
  };
}

/** `kubernetes` is what live runs used. */
export function versions(kubernetes: KubernetesMinor = askedKubernetes()): Report['versions'] {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    spillway: `${version} (${commit()})`,
    node: process.version,
    kubernetes: kubernetesVersions[kubernetes],
    kwok: pinnedVersion('kwok'),
  };
}

function commit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no').trim() !== '';
    return `${git('rev-parse', '--short=12', 'HEAD').trim()}${changed ? ', changed' : ''}`;
  } catch {
    return 'no git checkout';
  }
}
