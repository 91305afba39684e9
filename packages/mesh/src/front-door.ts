/**
 * What comes before the handshake of every incoming connection. It needs a place (doorkeeper.ts), which it
 * has until it is a member's or ends. It needs a turn (handshake-turns.ts) for its cryptography. A
 * connection that gets none is closed at once, and may try again.
 */
import type { ConnectionGater, MessageStream, MultiaddrConnection } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { type Clock, Fault } from '@spillway/core';
import { Doorkeeper } from './doorkeeper.ts';
import { HandshakeTurns } from './handshake-turns.ts';
import type { Refusals } from './refusals.ts';

/** Of a whole handshake of a connection that comes in, waiting included. */
export const handshakeMsMax = 10_000;
/** Who has had no turn by then tries again. */
const turnMsMax = 2_000;

export interface FrontDoor {
  readonly gater: Pick<ConnectionGater, 'denyInboundConnection' | 'denyInboundEncryptedConnection'>;
  /** Resolves when the handshake of a connection may begin. @throws Fault `ResourceExhausted` */
  turn(connection: MessageStream): Promise<void>;
  /** Its handshake has gone on. */
  progressed(connection: MessageStream): void;
}

export function frontDoor({
  clock,
  refusals,
}: {
  readonly clock: Clock;
  readonly refusals: Refusals;
}): FrontDoor {
  const doorkeeper = new Doorkeeper<MultiaddrConnection>();
  const turns = new Turns(clock);
  const refuse = (connection: MultiaddrConnection): void => {
    refusals.add({ where: 'connection', reason: tooMany, peer: siteOf(connection) });
    connection.abort(new Fault('ResourceExhausted', tooMany));
  };
  return {
    gater: {
      denyInboundConnection(connection) {
        if (connection.status !== 'open') return true;
        connection.addEventListener('close', () => doorkeeper.leave(connection), { once: true });
        const loser = doorkeeper.enter(connection, siteOf(connection));
        if (loser !== undefined) refuse(loser);
        return false;
      },
      denyInboundEncryptedConnection(_peer, connection) {
        doorkeeper.proven(connection);
        return false;
      },
    },
    async turn(connection) {
      if (!isWhole(connection)) return;
      doorkeeper.progressed(connection);
      if (await turns.taken(connection)) return;
      refuse(connection);
      throw new Fault('ResourceExhausted', tooMany);
    },
    progressed(connection) {
      if (isWhole(connection)) doorkeeper.progressed(connection);
    },
  };
}

/** An encrypter is handed the connection itself, as the gater is. */
function isWhole(connection: MessageStream): connection is MultiaddrConnection {
  return 'remoteAddr' in connection;
}

const tooMany = 'too many handshakes at once';

/** Who waits for a turn, and the timer of the next one. */
class Turns {
  readonly #clock: Clock;
  readonly #turns: HandshakeTurns<MultiaddrConnection>;
  readonly #begin = new Map<MultiaddrConnection, () => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#turns = new HandshakeTurns(clock.monotonicMs());
  }

  /** Whether it has had its turn in time. */
  async taken(connection: MultiaddrConnection): Promise<boolean> {
    if (connection.status !== 'open') return false;
    return await new Promise<boolean>((resolve) => {
      const end = (taken: boolean): void => {
        clearTimeout(patience);
        connection.removeEventListener('close', gone);
        this.#begin.delete(connection);
        this.#turns.leave(connection);
        if (taken) connection.resume();
        resolve(taken);
      };
      const gone = (): void => end(false);
      const patience = setTimeout(gone, turnMsMax);
      connection.addEventListener('close', gone);
      this.#begin.set(connection, () => end(true));
      this.#turns.wait(connection, siteOf(connection));
      // What it sends meanwhile waits at its end.
      connection.pause();
      this.#give();
    });
  }

  #give(): void {
    clearTimeout(this.#timer);
    const next = (): MultiaddrConnection | undefined => this.#turns.next(this.#clock.monotonicMs());
    for (let each = next(); each !== undefined; each = next()) this.#begin.get(each)?.();
    if (this.#turns.size === 0) return;
    this.#timer = setTimeout(() => this.#give(), this.#turns.untilNextMs);
    this.#timer.unref();
  }
}

/** A site has an IPv4 address, or 64 bits of IPv6; what a relay brings counts as the relay's. */
export function siteOf(connection: MessageStream): string {
  return isWhole(connection) ? siteAt(connection.remoteAddr) : 'unknown';
}

export function siteAt(address: Multiaddr): string {
  const [first] = address.getComponents();
  const value = first?.value ?? '';
  return first?.name === 'ip6' ? `${groupsOf(value).slice(0, 4).join(':')}::/64` : value;
}

const ipv6Groups = 8;

function groupsOf(address: string): readonly string[] {
  const [head, tail] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const [before, after] = [head ?? [], tail ?? []];
  const left = tail === undefined ? 0 : ipv6Groups - before.length - after.length;
  return [...before, ...Array<string>(Math.max(0, left)).fill('0'), ...after];
}
