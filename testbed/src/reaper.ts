/**
 * Leaves nothing behind. A test bed's processes are listed in its folder; a reaper, a tiny shell
 * process that waits for our end, kills them and removes the folder, also when we were killed
 * ourselves and could do nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `pids` holds `pid start-time` lines: a reused pid has another start time and is left alone. What was
 * killed may write for a moment yet, so the folder is removed until it is gone.
 */
const script = `
trap '' INT TERM HUP
cat >/dev/null
while read -r pid start; do
  now=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)
  if [ "$now" = "$start" ]; then kill -CONT "$pid" 2>/dev/null; kill -KILL "$pid" 2>/dev/null; fi
done < "$1/pids"
[ -e "$1/keep" ] && exit
for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null; [ -e "$1" ] || exit; sleep 0.2; done
`;

export class Reaper {
  readonly #folder: string;
  readonly #shell: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(folder: string) {
    this.#folder = folder;
    appendFileSync(join(folder, 'pids'), '');
    this.#shell = spawn('/bin/sh', ['-c', script, 'spillway-reaper', folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#ended = new Promise((resolve) => this.#shell.once('exit', () => resolve()));
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?: () => void })?.unref?.();
  }

  /** Must be called right after a process was started. */
  watch(pid: number): void {
    appendFileSync(join(this.#folder, 'pids'), `${pid} ${startTime(pid)}\n`);
  }

  /** Kills what is left, removes the folder, and waits for it. */
  async finish(): Promise<void> {
    this.#shell.ref();
    this.#shell.stdin?.end();
    await this.#ended;
  }
}

/** Tells a process from a later one of the same pid; empty when there is none. */
export function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended, whether or not anybody has taken note.
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
