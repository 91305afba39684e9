import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));

test('the code in gen/ is what proto/ makes: run "npm run generate" in packages/wire', () => {
  const made = mkdtempSync(join(tmpdir(), 'spillway-generated-'));
  try {
    execFileSync('buf', ['generate', '-o', made], { cwd: folder });
    expect(textsIn(join(folder, 'src/gen'))).toEqual(textsIn(join(made, 'src/gen')));
  } finally {
    rmSync(made, { recursive: true });
  }
});

test('proto/ keeps to the rules of buf', () => {
  execFileSync('buf', ['lint'], { cwd: join(folder, '../../proto') });
});

function textsIn(root: string): Readonly<Record<string, string>> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  );
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(
    paths.map((path) => [path.slice(root.length), readFileSync(path, 'utf8')]),
  );
}
