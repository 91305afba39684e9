/**
 * What this process must undo before it ends, however it comes to its end: programs that it has started, test beds.
 * A starter of such a thing registers it here at once, and removes it when it is undone.
 */
import type { ChildProcess } from 'node:child_process';

type Undo = () => Promise<unknown> | undefined;

const undone = new Set<Undo>();

/** Returns what takes it back. */
export function undoAtEnd(undo: Undo): () => void {
  undone.add(undo);
  return () => void undone.delete(undo);
}

/** A program that leads a process group; the whole group is killed at our end. */
export function killAtEnd(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  const takeBack = undoAtEnd(() => {
    killGroup(pid);
    return undefined;
  });
  child.once('close', takeBack);
}

/** Of this process group what still runs; nothing when none does. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/**
 * Undoes all of it, the last first, also what is said meanwhile. Resolves to what went wrong, in words: nothing
 * when all is undone, and whatever is not undone in time.
 */
export async function undoAll(timeoutMs: number): Promise<readonly string[]> {
  const problems: string[] = [];
  const late = new Promise<'late'>((resolve) => {
    setTimeout(() => resolve('late'), timeoutMs);
  });
  for (let last = [...undone].at(-1); last !== undefined; last = [...undone].at(-1)) {
    undone.delete(last);
    const undoing = Promise.resolve(last()).catch((error: Error) => problems.push(error.message));
    if ((await Promise.race([undoing, late])) === 'late')
      return [...problems, `not finished after ${timeoutMs / 1_000} s`];
  }
  return problems;
}
