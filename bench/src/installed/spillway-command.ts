/** The command line as a person types it, against a test bed's clusters. */
import { fileURLToPath } from 'node:url';
import { type KindTestbed, type Ran, run } from '@spillway/testbed';

/** A program, run as one: the command line itself depends on this package. */
const program = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url));

/** A non-zero exit is no fault. */
export async function runSpillway(
  args: readonly string[],
  testbed: Pick<KindTestbed, 'kubeconfig'>,
): Promise<Ran> {
  return await run(process.execPath, ['--conditions=spillway-source', program, ...args], {
    env: { ...process.env, KUBECONFIG: testbed.kubeconfig, NO_COLOR: '1', SPILLWAY_AGENT: '' },
  });
}
