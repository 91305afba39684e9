import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { sentencesOf } from './sentences.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** CONTRIBUTING.md, Plain English. */
const wordsMax = 25;

const pages = globSync(['*.md', 'docs/**/*.md', 'findings/*.md', 'packages/*/README.md'], {
  cwd: root,
});

const texts = (markdown: string): readonly string[] =>
  sentencesOf(markdown).map(({ text }) => text);

describe('sentencesOf', () => {
  test('ends a sentence at its full stop, and not at that of a number, version or file', () => {
    expect(texts('It took 0.5 s with v1.36.3. Really? See a.ts (it is long.) Yes!')).toEqual([
      'It took 0.5 s with v1.36.3.',
      'Really?',
      'See a.ts (it is long.)',
      'Yes!',
    ]);
  });

  test('joins the lines of a paragraph and of a list item', () => {
    const page = 'One\ntwo.\n\n- Three\n  four.\n- Five.\n1. Six.\n';
    expect(sentencesOf(page)).toEqual([
      { text: 'One two.', words: 2, line: 1 },
      { text: 'Three four.', words: 2, line: 4 },
      { text: 'Five.', words: 1, line: 6 },
      { text: 'Six.', words: 1, line: 7 },
    ]);
  });

  test('counts a link as its text and inline code as one word', () => {
    const page = '**Run** `npm run drill -- burst` as [the page](docs/a.md#b) says – now.';
    expect(sentencesOf(page)).toEqual([
      { text: 'Run code as the page says – now.', words: 7, line: 1 },
    ]);
  });

  test('leaves out code blocks, tables, headings and comments, and keeps numbers of lines', () => {
    const page = '# Head.\n<!-- No.\nNo. -->\n\n```ts\nNo.\n```\n\n| No. |\n| --- |\n\nYes.\n';
    expect(sentencesOf(page)).toEqual([{ text: 'Yes.', words: 1, line: 12 }]);
  });
});

test(`no sentence that people read has more than ${wordsMax} words`, () => {
  expect(pages).toContain('README.md');
  const sentences = pages.flatMap((page) =>
    sentencesOf(readFileSync(root + page, 'utf8')).map((each) => ({ page, ...each })),
  );
  // The pages are long: were the splitter broken, it would find none that are too long.
  expect(sentences.length).toBeGreaterThan(500);
  const long = sentences.filter(({ words }) => words > wordsMax);
  expect(
    long.map(({ page, line, words, text }) => `${page}:${line}: ${words} words: ${text}`),
  ).toEqual([]);
});
