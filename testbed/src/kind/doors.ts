/** Ports of loopback that lead to clusters' API servers, whose network is not this machine's. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Fault } from '@spillway/core';
import { freePorts } from '../free-ports.ts';
import type { DoorCommand } from './door-process.ts';

export class Doors {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  /** `enter` as in `DockerAccess`; `onPid` is told of the process at once. */
  constructor(enter: readonly string[], onPid: (pid: number) => void) {
    const [execPath, ...execArgv] = [...enter, process.execPath];
    this.#process = fork(fileURLToPath(new URL('./door-process.ts', import.meta.url)), [], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execPath,
      execArgv,
    });
    if (this.#process.pid !== undefined) onPid(this.#process.pid);
    this.#process.on('error', () => {
      // A command that can't be sent fails by itself.
    });
    this.#ended = once(this.#process, 'exit');
  }

  /** The port of 127.0.0.1 behind which is the first of `hosts` that takes connections at `targetPort`. */
  async open(hosts: readonly string[], targetPort: number): Promise<number> {
    const [port = 0] = await freePorts(1);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      await this.#send({ port, hosts, targetPort }, server);
    } finally {
      // What is left of it is the other process's.
      server.close();
    }
    return port;
  }

  /** From now on, new connections to the door go there. */
  async move(port: number, hosts: readonly string[], targetPort: number): Promise<void> {
    await this.#send({ port, hosts, targetPort });
  }

  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }

  #send(command: DoorCommand, server?: ReturnType<typeof createServer>): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Fault('Unavailable', `doors: ${why}`));
      const heard = (port: unknown): void => {
        if (port !== command.port) return;
        this.#process.off('message', heard);
        resolve();
      };
      this.#process.on('message', heard);
      this.#process.once('exit', () => fail('the process has ended'));
      this.#process.send(command, server, (error) => {
        if (error !== null) fail(error.message);
      });
    });
  }
}
