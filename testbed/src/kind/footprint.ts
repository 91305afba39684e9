/**
 * All that a kind test bed has in Docker: containers whose names begin with its name, their anonymous
 * volumes, and one network. So one script can remove it. It runs at the end, and when the owner was killed.
 * If the test bed's folder is gone too, a later test bed runs it when it finds the network of an owner that
 * has ended.
 */
import { existsSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { startTime } from '../reaper.ts';
import { run } from '../run-program.ts';
import type { DockerAccess } from '../docker/ensure-docker.ts';
import type { Docker } from './docker.ts';

const label = 'dev.spillway.testbed';
/** On the network of every test bed. */
export const ownerLabel = `${label}.owner`;

export interface Footprint {
  /** Of the network; containers and kind's clusters have it before their names. */
  readonly name: string;
  readonly folder: string;
}

/** A network of the test bed's own, that says whose it is. Resolves to its gateway's IPv4 address. */
export async function createNetwork(docker: Docker, { name, folder }: Footprint): Promise<string> {
  await docker.call([
    'network',
    'create',
    '--driver=bridge',
    `--label=${label}.folder=${folder}`,
    `--label=${ownerLabel}=${thisOwner()}`,
    name,
  ]);
  const format = '{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{"\\n"}}{{end}}';
  const lines = await docker.call(['network', 'inspect', `--format=${format}`, name]);
  const ipv4 = lines.split('\n').find((line) => line.includes('.')) ?? '';
  const [subnet = '', gateway] = ipv4.trim().split(' ');
  // Some daemons name no gateway that they chose themselves; it is the first address.
  return gateway || subnet.replace(/\d+\/\d+$/, '1');
}

/**
 * Removes it all, and looks again until nothing is found: a container may be on its way when its creator
 * is killed. What is not there is no matter.
 */
export function undoScript({ docker, env }: DockerAccess, name: string): string {
  const { DOCKER_HOST: host } = env;
  return `${host === undefined ? '' : `export DOCKER_HOST=${quoted(host)}\n`}docker=${quoted(docker)} name=${name}
for try in 1 2 3 4 5 6 7 8 9 10; do
  found=$("$docker" ps --all --quiet --filter "name=^/*$name-")
  [ -z "$found" ] || "$docker" rm --force --volumes $found
  if "$docker" network inspect "$name"; then "$docker" network rm "$name" && found=network; fi
  [ -n "$found" ] || break
  sleep 0.3
done`;
}

/** Networks of owners that are gone, with all that hangs on them. What has a folder is the reaper's. */
export async function removeOrphans(docker: Docker, access: DockerAccess): Promise<void> {
  const format = `{{.Name}}|{{.Label "${ownerLabel}"}}|{{.Label "${label}.folder"}}`;
  const listed = await docker.call([
    'network',
    'ls',
    `--filter=label=${ownerLabel}`,
    `--format=${format}`,
  ]);
  for (const line of listed.split('\n')) {
    const [name = '', owner = '', folder = ''] = line.split('|');
    if (name === '' || existsSync(folder) || !isGone(owner)) continue;
    await run('/bin/sh', ['-c', undoScript(access, name)]);
  }
}

function thisOwner(): string {
  return [...place(), process.pid, startTime(process.pid)].join(' ');
}

/** Only of processes that we could see: others' are left alone. */
function isGone(owner: string): boolean {
  const [host, namespace, pid, start] = owner.split(' ');
  const [ourHost, ourNamespace] = place();
  if (host !== ourHost || namespace !== ourNamespace) return false;
  return startTime(Number(pid)) !== start;
}

/** A daemon may serve several machines and containers, each with processes of its own. */
function place(): readonly [string, string] {
  return [hostname(), readlinkSync('/proc/self/ns/pid')];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
