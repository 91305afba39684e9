/** Links between pages lead to a page and a heading that exist; files that pages name exist. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const pages = globSync(['*.md', 'docs/**/*.md', 'findings/*.md', 'packages/*/README.md'], {
  cwd: root,
});

const withoutCode = (page: string): string =>
  readFileSync(join(root, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');

/** As GitHub makes them of headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = withoutCode(page).matchAll(/^#{1,6} (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('every link leads to a file and a heading that exist', () => {
  const links = pages.flatMap((page) =>
    [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => [page, to] as const),
  );
  expect(links.length).toBeGreaterThan(100);
  const broken = links.filter(([page, to]) => {
    if (/^[a-z]+:/.test(to)) return false;
    const [path = '', anchor] = to.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    return (
      !existsSync(join(root, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor))
    );
  });
  expect(broken.map(([page, to]) => `${page}: ${to}`)).toEqual([]);
});

test('every source file that a page names exists', () => {
  // Decision records and the changelog tell of the past.
  const named = pages
    .filter((page) => page !== 'CHANGELOG.md' && !page.startsWith('docs/adr/'))
    .flatMap((page) =>
      [
        ...withoutCode(page).matchAll(/(?<![\w/.-])(?:packages|bench|testbed)\/[\w./-]+\.ts\b/g),
      ].map(([file]) => [page, file] as const),
    );
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter(([, file]) => !existsSync(join(root, file)));
  expect(missing.map(([page, file]) => `${page}: ${file}`)).toEqual([]);
});
