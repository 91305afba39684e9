/**
 * A Docker daemon of our own that the user did not ask for. It is started for the first kind test bed and
 * ends with the last. A daemon that a person started stays, also if `docker start` of the test bed started
 * it.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DockerAccess, ensureDocker, findDocker } from '../docker/ensure-docker.ts';
import { ownerLabel } from './footprint.ts';

/** Says which daemon it was, so that a later one is not mistaken for it. */
const file = join(tmpdir(), 'spillway-borrowed-docker');

/** @throws Fault `InvalidConfig` that says what to install or start */
export async function borrowDocker(): Promise<DockerAccess> {
  const before = await findDocker();
  if (before !== undefined) return before;
  const access = await ensureDocker();
  if (access.own) writeFileSync(file, identity(access));
  return access;
}

/** A shell script that ends it when no test bed has a network or a container any more. */
export function giveBackScript(access: DockerAccess): string {
  if (!access.own) return '';
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const { docker } = access;
  return `if [ "$(cat '${file}' 2>/dev/null)" = '${identity(access)}' ] &&
  [ -z "$('${docker}' ps --all --quiet)$('${docker}' network ls --quiet --filter label=${ownerLabel})" ]; then
  rm -f '${file}'
  '${process.execPath}' --conditions=spillway-source '${main}' docker stop
fi`;
}

/** Of its network's namespace, whose path has the daemon's process id. */
function identity({ enter }: DockerAccess): string {
  return enter.join(' ');
}
