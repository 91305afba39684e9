/** Files on the real file system: a folder of its own for each test, and programs of this package run there. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

export class TestFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'spillway-files-'));

  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Permissions of a file or folder in it. */
  modeOf(name: string): number {
    return statSync(this.at(name)).mode & 0o7777;
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** For the tests of the file that calls it: the folder of the test that runs, filled by `fill`. */
export function folderOfEachTest(fill: (folder: TestFolder) => void = () => {}): () => TestFolder {
  let folder: TestFolder;
  beforeEach(() => {
    folder = new TestFolder();
    fill(folder);
  });
  afterEach(() => folder.remove());
  return () => folder;
}

/** As `folderOfEachTest`, one for all of them, made before the first. */
export function folderOfAllTests(fill: (folder: TestFolder) => void): () => TestFolder {
  let folder: TestFolder;
  beforeAll(() => {
    folder = new TestFolder();
    fill(folder);
  });
  afterAll(() => folder.remove());
  return () => folder;
}

/** Arguments of Node that run a program from its source. */
export function sourceProgram(file: URL): readonly string[] {
  return ['--conditions=spillway-source', fileURLToPath(file)];
}
