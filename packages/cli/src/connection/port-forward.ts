/**
 * A connection to a port of a pod, through the API server and the kubelet, by the user's right on
 * pods/portforward. No port is opened on this machine: the stream is handed to the HTTP client as it is.
 */
import { type Duplex, duplexPair, Writable } from 'node:stream';
import { Fault } from '@spillway/core';
import type { UserCluster } from './cluster.ts';
import type { ActivePod } from './find-agent.ts';
import { grant } from './find-agent.ts';

/** @throws Fault `PermissionDenied` without the right, `Unavailable` when the pod can't be reached. */
export async function portForward(
  cluster: UserCluster,
  { namespace, name }: ActivePod,
  port: number,
): Promise<Duplex> {
  const { PortForward } = await import('@kubernetes/client-node');
  const [ours, theirs] = duplexPair();
  // Who reads or writes is told; once nobody does any more, it is nobody's error.
  ours.on('error', () => {});
  const failed = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      // The first frame carries the port's number, which client-node takes off, and nothing else.
      if (chunk.length > 0)
        ours.destroy(new Error(`pod ${name}, port ${port}: ${chunk.toString('utf8').trim()}`));
      done();
    },
  });
  try {
    const socket = await new PortForward(cluster.config).portForward(
      namespace,
      name,
      [port],
      theirs,
      failed,
      theirs,
    );
    if (typeof socket !== 'function') {
      socket.addEventListener('close', () => theirs.end());
      ours.on('close', () => socket.close());
    }
    return ours;
  } catch (error) {
    throw faultOf(error, namespace, name);
  }
}

/** A WebSocket says why it failed only in words. */
function faultOf(error: unknown, namespace: string, name: string): Fault {
  const { message = String(error) } = error as { message?: string };
  if (/\b(401|403)\b/.test(message)) {
    const right = { verb: 'get,create', resource: 'pods/portforward', group: '', namespace };
    return new Fault(
      'PermissionDenied',
      `you may not forward ports of pods in namespace ${namespace} (${message}); Spillway's commands need this right. An administrator of the cluster can grant it: ${grant({ ...right, user: 'USER' })}`,
      { cause: error },
    );
  }
  return new Fault(
    'Unavailable',
    `port of pod ${namespace}/${name} cannot be forwarded: ${message}. Check whether this works: kubectl -n ${namespace} port-forward ${name} 7421 ?`,
    { cause: error },
  );
}
