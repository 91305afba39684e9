/**
 * Ports of this machine's loopback that lead to nodes of Docker's network, where that network is in another
 * namespace. This process lives there, and is given sockets that listen here. Nothing on the machine changes
 * for it, unlike with a route into that network.
 */
import type { Server } from 'node:net';
import { connectFirst } from '../first-to-accept.ts';

export interface DoorCommand {
  /** Names the door; the listening socket comes with the first command for it. */
  readonly port: number;
  readonly hosts: readonly string[];
  readonly targetPort: number;
}

const behind = new Map<number, DoorCommand>();

process.on('message', (command: DoorCommand, server: Server | undefined) => {
  behind.set(command.port, command);
  server?.on('connection', (client) => {
    const { hosts, targetPort } = behind.get(command.port) ?? command;
    const target = connectFirst(hosts, targetPort);
    client.setNoDelay(true);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  process.send?.(command.port);
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C goes to the whole terminal; the owner ends this process when it is done with it.
process.on('SIGINT', () => {});
