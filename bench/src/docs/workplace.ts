/**
 * Where documented commands run: a fresh folder that looks like a checkout. The person's own kubeconfig,
 * test bed and Helm repository cannot be reached. What is built is found where it always is.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureProgram } from '@spillway/testbed';
import { Shell, type ShellOptions } from './shell.ts';

export const checkout = fileURLToPath(new URL('../../..', import.meta.url));

const downMsMax = 240_000;

export class Workplace {
  readonly shell: Shell;
  readonly #options: ShellOptions;

  private constructor(folder: string, programs: string) {
    const own = (name: string): string => join(folder, '.own', name);
    this.#options = {
      folder,
      env: {
        ...process.env,
        PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}`,
        KUBECONFIG: own('none'),
        KUBECACHEDIR: own('kube'),
        HELM_CONFIG_HOME: own('helm'),
        HELM_CACHE_HOME: own('helm'),
        HELM_DATA_HOME: own('helm'),
        XDG_STATE_HOME: own('state'),
        SPILLWAY_AGENT: '',
        NO_COLOR: '1',
      },
    };
    this.shell = new Shell(this.#options);
  }

  /** With Helm on the PATH, which the pages ask their readers to have. */
  static async open(): Promise<Workplace> {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-docs-'));
    for (const name of readdirSync(checkout)) {
      if (name !== '.git') symlinkSync(join(checkout, name), join(folder, name));
    }
    const programs = join(folder, '.own', 'bin');
    mkdirSync(programs, { recursive: true });
    symlinkSync(await ensureProgram('helm'), join(programs, 'helm'));
    return new Workplace(folder, programs);
  }

  /** Without paths of this machine. */
  shown(output: string): string {
    return output
      .replaceAll(this.#options.folder, '~/spillway')
      .replaceAll(checkout, '~/spillway/')
      .replaceAll(homedir(), '~');
  }

  /** Ends what a page that failed has left running, its shell too. */
  async close(): Promise<void> {
    await this.shell.stop();
    const last = new Shell(this.#options);
    await last.run('npm run testbed -- down', { timeoutMs: downMsMax });
    await last.stop();
    rmSync(this.#options.folder, { recursive: true });
  }
}
