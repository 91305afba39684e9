/** A member in a process of its own, and questions to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MemberCommand, MemberConfig, MemberView, ReserveOutcome } from './member-process.ts';
import type { Place } from './network-namespaces.ts';

const program = fileURLToPath(new URL('member-process.ts', import.meta.url));

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export class RunningMember {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 0;

  /** Without a place in the network of this process. */
  constructor(config: MemberConfig, place?: Place) {
    const args = ['--conditions=spillway-source', program, JSON.stringify(config)];
    const [command, ...rest] =
      place === undefined
        ? ([process.execPath, ...args] as const)
        : (['ip', ...inNamespace(place, args)] as const);
    this.#process = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  async look(): Promise<MemberView> {
    return (await this.#ask({ kind: 'look' })) as MemberView;
  }

  async reserve(of: string, calls = 1): Promise<ReserveOutcome> {
    return (await this.#ask({ kind: 'reserve', of, calls })) as ReserveOutcome;
  }

  /** Its connections stay open, and nothing answers on them. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  async #ask(command: MemberCommand): Promise<unknown> {
    const id = this.#next++;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#process.send({ id, command });
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }
}

/** Arguments of `ip` that run Node in a place. */
export function inNamespace({ namespace }: Place, args: readonly string[]): string[] {
  return ['netns', 'exec', namespace, process.execPath, ...args];
}
