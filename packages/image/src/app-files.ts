/** The uppermost layer: the programs, what V8 made of them, and the bill of materials. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  agentFlags,
  type BundledPackage,
  bundleProgram,
  thirdPartyNotices,
} from '@spillway/bundling';
import { Fault } from '@spillway/core';
import { type FileTree, type ImageFile, textFile } from './file-tree.ts';
import { nonRoot } from './image-config.ts';

export interface Programs {
  readonly agent: string;
  readonly cli: string;
  /** Of the npm packages in them. */
  readonly notices: string;
}

/** Both, and the npm packages that are in either. */
export async function bundledPrograms(): Promise<{
  readonly programs: Programs;
  readonly npm: readonly BundledPackage[];
}> {
  const [agent, cli] = await Promise.all([bundleProgram('agent'), bundleProgram('cli')]);
  const packages = [...agent.packages, ...cli.packages];
  const npm = [...new Map(packages.map((each) => [`${each.name}@${each.version}`, each])).values()];
  const programs = { agent: agent.text, cli: cli.text, notices: thirdPartyNotices(npm) };
  return { programs, npm };
}

export async function appFiles(
  programs: Programs,
  sbom: string,
  /** The image's own Node; undefined where this machine cannot run it, and then no cache is baked in. */
  node: Buffer | undefined,
): Promise<FileTree> {
  return new Map<string, ImageFile>([
    ['app/agent.mjs', textFile(programs.agent)],
    ['app/spillway.mjs', textFile(programs.cli)],
    ['app/THIRD-PARTY-NOTICES.txt', textFile(programs.notices)],
    ['app/sbom.json', textFile(sbom)],
    ...(node === undefined ? [] : await compiled(programs, node)),
  ]);
}

/**
 * V8's code for both programs. Node keeps it by Node version, processor features, user and place; the
 * folder is named for the image's user afterwards. Where the processor differs it is not found, and the
 * start is as without. V8 writes the program's path and a seed into it, so both are made the same
 * everywhere: that keeps the layer reproducible.
 */
async function compiled(programs: Programs, node: Buffer): Promise<[string, ImageFile][]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-image-'));
  try {
    const runtime = join(folder, 'node');
    writeFileSync(runtime, node, { mode: 0o755 });
    const files = { 'agent.mjs': programs.agent, 'spillway.mjs': programs.cli };
    for (const [file, program] of Object.entries(files)) {
      writeFileSync(join(folder, file), program);
      await promisify(execFile)(
        runtime,
        [
          ...(file === 'agent.mjs' ? agentFlags : []),
          '--random-seed=1',
          '--preserve-symlinks-main',
          `/proc/self/cwd/${file}`,
          '--help',
        ],
        {
          cwd: folder,
          env: {
            NODE_COMPILE_CACHE: '/proc/self/cwd/compile-cache',
            NODE_COMPILE_CACHE_PORTABLE: '1',
          },
        },
      );
    }
    const [made, ...others] = readdirSync(join(folder, 'compile-cache'));
    if (made === undefined || others.length > 0) {
      throw new Fault(
        'Internal',
        `one compile cache expected, found ${[made, ...others].join(', ')}`,
      );
    }
    const renamed = made.replace(/-\d+$/, `-${nonRoot}`);
    return readdirSync(join(folder, 'compile-cache', made)).map((entry) => [
      `app/compile-cache/${renamed}/${entry}`,
      {
        kind: 'file',
        mode: 0o644,
        content: readFileSync(join(folder, 'compile-cache', made, entry)),
      },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
