/**
 * Connects to the one of several hosts that accepts connections at a port. Of a cluster's nodes that is the
 * one on which the active agent runs. Standbys do not listen, and a node that is down does not answer. The
 * hosts are tried one after the other, as clients do with a name of several addresses (RFC 8305).
 */
import { connect, type Socket } from 'node:net';

/** A host that does not even refuse within this time is passed over. Nodes are on this machine. */
const attemptMsMax = 1_000;

/** Which accepted last, by the port that was asked for: most connections go where the last one went. */
const lastGood = new Map<string, string>();

/** The socket ends with an error when none accepts. TCP no-delay. */
export function connectFirst(hosts: readonly string[], port: number): Socket {
  const common = { port, noDelay: true, allowHalfOpen: true };
  const [only = '127.0.0.1', ...others] = hosts;
  if (others.length === 0) return connect({ ...common, host: only });
  const key = `${hosts.join()}:${port}`;
  const preferred = lastGood.get(key);
  const order = hosts.toSorted((a, b) => Number(b === preferred) - Number(a === preferred));
  const socket = connect({
    ...common,
    // Not an address, so that it is looked up.
    host: 'nodes.testbed',
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptMsMax,
    lookup: (_, __, done) =>
      done(
        null,
        order.map((address) => ({ address, family: 4 })),
      ),
  });
  socket.on('connect', () => {
    if (socket.remoteAddress !== undefined) lastGood.set(key, socket.remoteAddress);
  });
  return socket;
}
