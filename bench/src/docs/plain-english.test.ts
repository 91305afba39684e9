/**
 * Words that are difficult for a reader whose second language is English (CONTRIBUTING.md, Plain English).
 * They are looked for in all that people read: docs, what programs print, events, errors, schemas, and the
 * comments of sources.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The word, and what to write in its place. */
const refused: readonly (readonly [RegExp, string])[] = [
  [/\banew\b/i, 'again'],
  [/\bseldom\b/i, 'rarely; less often'],
  [/\bwhyever\b/i, 'for whatever reason'],
  [/\bwhomever\b/i, 'anyone who'],
  [/\bat most so long\b/i, 'Maximum …'],
  [/\bso no more\b/i, 'no longer so'],
  [/\bso (?:many|much|often)\b/i, 'Maximum …; a number; how often'],
  [/\b(?:for|after) so long\b/i, 'How long … (ms)'],
  [/\bwhoever\b/i, 'the agent that; any user who'],
  [/\bby and by\b/i, 'over time'],
  [/\bfor ever\b/i, 'forever'],
  [/\bin thought\b/i, 'assume'],
  [/\bfor want of\b/i, 'because … is missing'],
  [/\bgive or take\b/i, 'plus or minus; within'],
];

/** These name them, or are read by those who write tests. */
const excepted = /^CONTRIBUTING\.md$|test\.ts$/;

/** What is installed, built or measured (as in .gitignore: a source archive has no Git to ask). */
const notOurs = new Set(['node_modules', 'dist', 'coverage', 'bench-results']);

test('nothing that people read uses words that few people know', () => {
  const files = globSync('**/*.{md,ts,mjs,yaml,tpl,json,proto}', {
    cwd: root,
    exclude: (name) => notOurs.has(basename(name)) || basename(name).startsWith('.'),
  });
  expect(files).toContain('README.md');
  const found = files
    .filter((file) => !excepted.test(file))
    .flatMap((file) =>
      readFileSync(root + file, 'utf8')
        .split('\n')
        .flatMap((line, i) =>
          refused
            .filter(([word]) => word.test(line))
            .map(([word, better]) => `${file}:${i + 1}: ${word.exec(line)?.[0]} → ${better}`),
        ),
    );
  expect(found).toEqual([]);
});
