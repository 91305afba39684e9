/** Test beds that run in the background: what each has written down for others to find it by. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { startTime } from './reaper.ts';

export interface Running {
  readonly name: string;
  readonly pid: number;
  /** Of the process: a pid alone may be another's by now. */
  readonly started: string;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly kubectl: string;
  readonly clusters: readonly {
    readonly name: string;
    readonly kind: 'local' | 'kind';
    readonly nodes: number;
    readonly server: string;
    /** kind's own name of it; none of a local one. */
    readonly kindName?: string;
  }[];
}

export function writeRunning(state: Omit<Running, 'pid' | 'started'>): void {
  const { pid } = process;
  const text = JSON.stringify({ ...state, pid, started: startTime(pid) });
  writeFileSync(stateFile(state.name), text, { mode: 0o600 });
}

export function forgetRunning(name: string): void {
  rmSync(stateFile(name), { force: true });
}

/** Undefined when no such test bed lives, whatever its file says. */
export function findRunning(name: string): Running | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile(name), 'utf8')) as Running;
    return isAlive(state) && existsSync(state.folder) ? state : undefined;
  } catch {
    // No file, or one that is being written.
    return undefined;
  }
}

export function allRunning(): readonly Running[] {
  return readdirSync(stateFolder())
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => findRunning(file.slice(0, -'.json'.length)) ?? []);
}

export function isAlive({ pid, started }: Running): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return startTime(pid) === started;
}

/** Where a test bed in the background writes what it has to say. */
export function logFile(name: string): string {
  return join(stateFolder(), `${name}.log`);
}

function stateFile(name: string): string {
  return join(stateFolder(), `${name}.json`);
}

function stateFolder(): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  const folder = join(state, 'spillway', 'testbeds');
  mkdirSync(folder, { recursive: true });
  return folder;
}
