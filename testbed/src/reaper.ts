/**
 * Leaves nothing behind. The folder of a test bed lists its processes, and what else must be undone. A
 * reaper is a tiny shell process that waits for our end. It undoes all of this and removes the folder, even
 * when we were killed ourselves. If the reaper was killed too, the next test bed that starts on this machine
 * does it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killGroup, undoAtEnd } from './ends.ts';

/** Of test beds' folders, in the folder for temporary files. */
export const folderPrefix = 'spillway-testbed-';

/**
 * `pids` holds `pid start-time` lines: a reused pid has another start time and is left alone. Those that
 * lead a process group take it with them. What was killed may write for a moment yet, so the folder is
 * removed until it is gone.
 */
const script = `
trap '' INT TERM HUP
cat >/dev/null
while read -r pid start; do
  now=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)
  if [ "$now" = "$start" ]; then
    kill -CONT "$pid" 2>/dev/null; kill -KILL "$pid" 2>/dev/null; kill -KILL -- "-$pid" 2>/dev/null
  fi
done < "$1/pids"
[ -e "$1/undo.sh" ] && sh "$1/undo.sh" >"$1/undo.log" 2>&1
if [ -e "$1/keep" ]; then rm -f "$1/owner"; exit; fi
for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null; [ -e "$1" ] || exit; sleep 0.2; done
`;

export class Reaper {
  readonly #folder: string;
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #undone: () => void;
  #finishing = false;

  constructor(folder: string) {
    this.#folder = folder;
    appendFileSync(join(folder, 'pids'), '');
    writeFileSync(join(folder, 'owner'), `${process.pid} ${startTime(process.pid)}`);
    this.#shell = startShell(folder);
    this.#ended = once(this.#shell, 'exit');
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?: () => void })?.unref?.();
    this.#undone = undoAtEnd(() => this.finish());
  }

  /** Must be called right after a process was started. One that was started when all is over ends at once. */
  watch(pid: number): void {
    if (this.#finishing) {
      killGroup(pid);
      return;
    }
    appendFileSync(join(this.#folder, 'pids'), `${pid} ${startTime(pid)}\n`);
  }

  /** What a shell must do after our processes are gone; must be called before there is anything to undo. */
  undo(shellScript: string): void {
    appendFileSync(join(this.#folder, 'undo.sh'), `${shellScript}\n`);
  }

  /** Kills what is left, undoes the rest, removes the folder, and waits for it. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#shell.ref();
    this.#shell.stdin?.end();
    await this.#ended;
    this.#undone();
  }
}

/** Ends what test beds have left whose owner is gone and whose reaper did not come to it. */
export async function reapOrphans(): Promise<void> {
  const folders = readdirSync(tmpdir())
    .filter((name) => name.startsWith(folderPrefix))
    .map((name) => join(tmpdir(), name))
    .filter(isOrphan);
  await Promise.all(
    folders.map(async (folder) => {
      const shell = startShell(folder);
      shell.stdin?.end();
      await once(shell, 'exit');
    }),
  );
}

function startShell(folder: string): ChildProcess {
  return spawn('/bin/sh', ['-c', script, 'spillway-reaper', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
}

function isOrphan(folder: string): boolean {
  try {
    const [pid, start] = readFileSync(join(folder, 'owner'), 'utf8').split(' ');
    return startTime(Number(pid)) !== start;
  } catch {
    // One that is just being made, or someone else's.
    return false;
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
