import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commentsOf } from './comments.ts';
import { sentencesOf } from './sentences.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** CONTRIBUTING.md, Plain English. */
const wordsMax = 25;

const packages =
  'core,scheduling,federation,agent-core,agent,manifests,cli,chart,image,bundling,simulator';
const sources = globSync([`packages/{${packages}}/src/**/*.ts`, 'testbed/src/**/*.ts'], {
  cwd: root,
});

describe('commentsOf', () => {
  test('joins the lines of a comment, and says where it starts', () => {
    const source = 'const a = 1;\n/**\n * One\n * two.\n */\n  // Three\n  // four.\nb();\n';
    expect(commentsOf(source)).toEqual([
      { text: 'One\ntwo.', line: 2 },
      { text: 'Three\nfour.', line: 6 },
    ]);
  });

  test('starts a sentence at a tag', () => {
    const [comment] = commentsOf('/**\n * Waits for it\n * @throws Fault when it is late.\n */\n');
    expect(sentencesOf(comment?.text ?? '').map(({ text }) => text)).toEqual([
      'Waits for it',
      'Fault when it is late.',
    ]);
  });

  test('takes no pattern of files for a comment', () => {
    expect(commentsOf("glob('src/**/*.ts'); // all\nconst url = 'http://a';\n")).toEqual([]);
  });
});

test(`no sentence of a comment has more than ${wordsMax} words`, () => {
  expect(sources).toContain('packages/federation/src/home/home.ts');
  const sentences = sources.flatMap((source) =>
    commentsOf(readFileSync(root + source, 'utf8')).flatMap(({ text, line }) =>
      sentencesOf(text).map((each) => ({ ...each, line, source })),
    ),
  );
  // Were the comments not found, none would be too long.
  expect(sentences.length).toBeGreaterThan(1_000);
  const long = sentences.filter(({ words }) => words > wordsMax);
  expect(
    long.map(({ source, line, words, text }) => `${source}:${line}: ${words} words: ${text}`),
  ).toEqual([]);
});
