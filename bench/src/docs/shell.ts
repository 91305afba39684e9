/** One bash in which commands run as typed, one after the other: variables and aliases stay. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Typed {
  readonly code: number;
  /** What a person would have seen: both streams, without the last line's end. */
  readonly output: string;
}

export interface ShellOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Nothing prints it. */
const mark = '\u001E';
const ended = new RegExp(`${mark}(\\d+)${mark}\n$`);

export class Shell {
  readonly #bash: ChildProcess;
  #said = '';

  constructor({ folder, env }: ShellOptions) {
    this.#bash = spawn('bash', ['--norc', '--noprofile'], { cwd: folder, env, detached: true });
    const listen = (chunk: string): void => void (this.#said += chunk);
    this.#bash.stdout?.setEncoding('utf8').on('data', listen);
    this.#bash.stderr?.setEncoding('utf8').on('data', listen);
    this.#type('exec 2>&1; shopt -s expand_aliases; code=0');
  }

  /** Resolves when it has ended, with whatever exit code. @throws Error when it takes longer, and all ends */
  async run(command: string, { timeoutMs }: { readonly timeoutMs: number }): Promise<Typed> {
    this.#said = '';
    // Its standard input is not ours; and `$?` is the code of the command before, as for a person.
    this.#type(
      `(exit $code); {\n${command}\n} </dev/null; code=$?; printf '${mark}%d${mark}\\n' $code`,
    );
    const deadline = AbortSignal.timeout(timeoutMs);
    while (!ended.test(this.#said)) {
      if (this.#hasEnded) throw new Error(`${command}: the shell has ended`);
      try {
        // oxlint-disable-next-line no-await-in-loop -- until the command has ended
        await once(this.#bash.stdout ?? this.#bash, 'data', { signal: deadline });
      } catch (cause) {
        await this.stop();
        throw new Error(`${command}: not done after ${timeoutMs / 1000} s\n${this.#said}`, {
          cause,
        });
      }
    }
    const code = Number(ended.exec(this.#said)?.[1]);
    return { code, output: this.#said.replace(ended, '').replace(/\n$/, '') };
  }

  /** With all that it has started and not put into the background for good. */
  async stop(): Promise<void> {
    const { pid } = this.#bash;
    if (pid === undefined || this.#hasEnded) return;
    const exit = once(this.#bash, 'exit');
    process.kill(-pid, 'SIGTERM');
    this.#bash.stdin?.end();
    await exit;
  }

  get #hasEnded(): boolean {
    return this.#bash.exitCode !== null || this.#bash.signalCode !== null;
  }

  #type(line: string): void {
    this.#bash.stdin?.write(`${line}\n`);
  }
}
