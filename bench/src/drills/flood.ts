/**
 * Connections of strangers at a steady rate, from the address that members come from too, as from behind one NAT.
 * Of every three, one says nothing, one says what no handshake begins with, and one picks the federation's
 * handshake and stops there.
 */
import { connect, type Socket } from 'node:net';
import { handshakeProtocol } from '@spillway/mesh';

const tickMs = 10;

export class Flood {
  readonly #open = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;
  #opened = 0;

  /** `target` is a multiaddr of TCP over IPv4. */
  constructor(target: string, perSecond: number) {
    const [, , host = '', , port = ''] = target.split('/');
    const begun = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - begun) / 1_000) * perSecond);
      for (; this.#opened < due; this.#opened += 1) this.#connect(host, Number(port));
    }, tickMs);
  }

  get opened(): number {
    return this.#opened;
  }

  /** Those that the other side has not ended yet. */
  get open(): number {
    return this.#open.size;
  }

  /** No more come; those that are open stay so. */
  stopOpening(): void {
    clearInterval(this.#timer);
  }

  stop(): void {
    this.stopOpening();
    for (const socket of this.#open) socket.destroy();
  }

  #connect(host: string, port: number): void {
    const says = words[this.#opened % words.length];
    const socket = connect(port, host, () => says !== undefined && socket.write(says));
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(socket));
    socket.resume();
  }
}

const words: readonly (Buffer | undefined)[] = [
  undefined,
  Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  Buffer.concat([lengthPrefixed('/multistream/1.0.0\n'), lengthPrefixed(`${handshakeProtocol}\n`)]),
];

function lengthPrefixed(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}
