import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { must } from './must.ts';

export interface Libraries {
  readonly debian: string;
  readonly root: string;
  /** Paths inside `debian`. */
  readonly programs: readonly string[];
}

/** The shared libraries of programs, from one root file system into another, each at its own path. */
export async function copyLibraries({ debian, root, programs }: Libraries): Promise<void> {
  const libraries = new Set<string>();
  for (const program of programs) {
    const said = await must('chroot', [debian, 'ldd', program]);
    for (const [, path = ''] of said.matchAll(/(\/\S+) \(0x/g)) libraries.add(path);
  }
  for (const path of libraries) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    // What links stand for, not the links.
    copyFileSync(join(debian, path), join(root, path));
  }
}
