/** A Docker daemon to run kind's nodes: the person's, or one of our own where none runs and we may start one. */
import { Fault } from '@spillway/core';
import { dockerCall } from './docker-client.ts';
import { enter } from './daemon-network.ts';
import { findProgram } from './debian-packages.ts';
import { type OwnDaemon, OwnDaemons } from './own-daemon.ts';

export interface DockerAccess {
  /** The client program. */
  readonly docker: string;
  /** Has `DOCKER_HOST` where it isn't the default. */
  readonly env: NodeJS.ProcessEnv;
  /**
   * What starts a program where the daemon's bridges and published ports are, when they are not on this
   * machine's own network: `nsenter` and its flags. Else empty.
   */
  readonly enter: readonly string[];
  /** By which containers reach programs of this machine's network; undefined for a person's Docker: its networks' gateways. */
  readonly hostAddress: string | undefined;
  /** Whether the daemon is one that we started. */
  readonly own: boolean;
}

/** @throws Fault `InvalidConfig` that says what to install or start. */
export async function ensureDocker(): Promise<DockerAccess> {
  const running = await findDocker();
  if (running !== undefined) return running;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    const { DOCKER_HOST: host } = process.env;
    const where = host ? `at DOCKER_HOST=${host}` : 'at the default socket';
    throw new Fault(
      'InvalidConfig',
      `no Docker answers ${where}. Start it (Docker Desktop, or "sudo systemctl start docker"), or install it: https://docs.docker.com/engine/install. As root on Debian the test bed starts one of its own.`,
    );
  }
  return accessTo(await new OwnDaemons().start());
}

/** The person's, or our own where it runs; starts nothing. */
export async function findDocker(): Promise<DockerAccess | undefined> {
  const docker = findProgram('docker');
  if (docker === undefined) return undefined;
  if (await answersByDefault()) {
    return { docker, env: process.env, enter: [], hostAddress: undefined, own: false };
  }
  const own = new OwnDaemons().find();
  return own && accessTo(own);
}

async function answersByDefault(): Promise<boolean> {
  return await dockerCall(undefined, ['version']).then(
    () => true,
    () => false,
  );
}

function accessTo({ host, pid, ranges }: OwnDaemon): DockerAccess {
  return {
    docker: findProgram('docker') ?? 'docker',
    env: { ...process.env, DOCKER_HOST: host },
    enter: enter(pid),
    hostAddress: ranges.here,
    own: true,
  };
}
