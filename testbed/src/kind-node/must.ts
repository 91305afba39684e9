import { Fault } from '@spillway/core';
import { pathWithSbin } from '../docker/debian-packages.ts';
import { run, type RunOptions } from '../run-program.ts';

const saidCharacters = 2_000;

/** Standard output of a program that may not fail. @throws Fault `Unavailable` with the end of what it said. */
export async function must(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const env = { ...process.env, PATH: pathWithSbin(), ...options.env };
  const { code, stdout, stderr } = await run(program, args, { ...options, env });
  if (code === 0) return stdout;
  const said = `${stdout}\n${stderr}`.trim().slice(-saidCharacters);
  throw new Fault('Unavailable', `${[program, ...args].join(' ')} failed (exit ${code}):\n${said}`);
}
