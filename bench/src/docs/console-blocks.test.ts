import { describe, expect, test } from 'vitest';
import { consoleBlocks, unmarkedCommands, withOutputs } from './console-blocks.ts';

const page = `# Page

\`\`\`ts
$ not a command
\`\`\`

## First

\`\`\`console
$ one
said
so
$ two \\
    three
$ cat <<END
> text
> END
text
\`\`\`

## Second

\`\`\`console no-run="a registry"
$ push
\`\`\`

\`\`\`console
$ wrong
error: it is
$ fails
$ echo $?
4
\`\`\`
`;

describe('consoleBlocks', () => {
  test('has commands without prompts, and what they print', () => {
    const [first] = consoleBlocks(page);
    expect(first).toMatchObject({ section: 'First', noRun: undefined });
    expect(first?.commands).toMatchObject([
      { text: 'one', output: 'said\nso', line: 10 },
      { text: 'two \\\n    three', output: '', line: 13 },
      { text: 'cat <<END\ntext\nEND', output: 'text', line: 15 },
    ]);
  });

  test('says why a block is for readers only', () => {
    expect(consoleBlocks(page).map(({ noRun }) => noRun)).toEqual([
      undefined,
      'a registry',
      undefined,
    ]);
  });

  test('a command may fail when the page shows an error, or looks at the exit code', () => {
    const [, , last] = consoleBlocks(page);
    expect(last?.commands.map(({ mayFail }) => mayFail)).toEqual([true, true, false]);
  });

  test('output without a command is a mistake of the page', () => {
    expect(() => consoleBlocks('```console\nsaid\n```\n')).toThrow('line 2: output before');
  });
});

describe('withOutputs', () => {
  test('puts what was printed in the place of what was', () => {
    const outputs = ['other', 'more\nlines', '', '', 'error: no', '', '5'];
    const next = withOutputs(page, outputs);
    expect(consoleBlocks(next).flatMap(({ commands }) => commands.map((c) => c.output))).toEqual(
      outputs,
    );
    expect(next.split('```').length).toBe(page.split('```').length);
    expect(next).toContain('$ one\nother\n$ two \\\n    three\nmore\nlines\n$ cat <<END\n> text\n');
  });

  test('changes nothing where nothing has changed', () => {
    const same = consoleBlocks(page).flatMap(({ commands }) => commands.map((c) => c.output));
    expect(withOutputs(page, same)).toBe(page);
  });
});

test('unmarkedCommands finds commands in fences that nobody runs', () => {
  expect(unmarkedCommands(page)).toEqual(['```ts\n$ not a command\n```']);
  expect(unmarkedCommands('```console\n$ ls\n```\n')).toEqual([]);
});
