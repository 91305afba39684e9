import { Fault } from '@spillway/core';
import { run } from '../run-program.ts';
import { pathWithSbin } from './debian-packages.ts';

const saidCharacters = 2_000;

/** Standard output of the client program, trimmed. @throws Fault `Unavailable` with what it said. */
export async function dockerCall(
  host: string | undefined,
  args: readonly string[],
): Promise<string> {
  const env = { ...process.env, PATH: pathWithSbin(), ...(host && { DOCKER_HOST: host }) };
  const { code, stdout, stderr } = await run('docker', args, { env });
  if (code === 0) return stdout.trim();
  throw new Fault(
    'Unavailable',
    `docker ${args.slice(0, 2).join(' ')}: ${`${stdout}\n${stderr}`.trim().slice(-saidCharacters)}`,
  );
}
