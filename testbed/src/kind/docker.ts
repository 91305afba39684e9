/** The Docker daemon that runs the nodes, wherever its network is: here, or in a namespace of its own. */
import { Fault } from '@spillway/core';
import type { DockerAccess } from '../docker/ensure-docker.ts';
import { type Ran, run, type RunOptions } from '../run-program.ts';

/** Of a program that failed. */
const saidLines = 12;

export class Docker {
  readonly #access: DockerAccess;

  constructor(access: DockerAccess) {
    this.#access = access;
  }

  get enter(): readonly string[] {
    return this.#access.enter;
  }

  /** Standard output, trimmed. @throws Fault `Unavailable` with the end of what it said */
  async call(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const ran = await this.run(args, options);
    if (ran.code === 0) return ran.stdout.trim();
    throw new Fault('Unavailable', `docker ${args.slice(0, 2).join(' ')}: ${lastLines(ran)}`);
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const { docker, env } = this.#access;
    return await run(docker, args, { env, ...options });
  }

  /** A program that talks to Docker, kind for one, with the daemon's network around it. */
  async runBeside(program: string, args: readonly string[], options: RunOptions): Promise<Ran> {
    const { env, enter } = this.#access;
    const [first = program, ...rest] = [...enter, program, ...args];
    return await run(first, rest, { ...options, env: { ...env, ...options.env } });
  }
}

/** The end of what a program said, errors last. */
export function lastLines({ stdout, stderr }: Ran, lines = saidLines): string {
  return `${stdout}\n${stderr}`.trim().split('\n').slice(-lines).join('\n');
}
