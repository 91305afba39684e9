/** Real Helm on the chart. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Fault } from '@spillway/core';
import { ensureProgram } from '@spillway/testbed';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

export const chartFolder = join(folder, 'spillway');
/** Rendered from the chart, for people without Helm. */
export const manifestsFile = join(folder, 'manifests', 'spillway.yaml');

const outputBytesMax = 16 * 1024 * 1024;

/**
 * Runs it with no configuration, cache or plugins of the person's own.
 *
 * @returns what it printed on standard output. @throws Fault with what it printed on standard error.
 */
export async function helm(
  args: readonly string[],
  options: { readonly kubeconfig?: string } = {},
): Promise<string> {
  const program = await ensureProgram('helm');
  const own = await mkdtemp(join(tmpdir(), 'spillway-helm-'));
  try {
    const { stdout } = await promisify(execFile)(program, [...args], {
      maxBuffer: outputBytesMax,
      env: {
        PATH: process.env['PATH'],
        // Where it keeps what API servers have told it of their kinds.
        HOME: own,
        HELM_CONFIG_HOME: own,
        HELM_CACHE_HOME: own,
        HELM_DATA_HOME: own,
        // Without one, Helm asks nobody.
        KUBECONFIG: options.kubeconfig ?? join(own, 'none'),
      },
    });
    return stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Fault('InvalidInput', `helm ${args[0]}: ${stderr.trim() || String(error)}`, {
      cause: error,
    });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
