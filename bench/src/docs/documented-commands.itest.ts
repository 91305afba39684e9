/** The commands of docs/install.md and docs/testbed.md, typed in order, as a newcomer would: in a fresh checkout. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@spillway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { consoleBlocks, type DocumentedCommand, unmarkedCommands } from './console-blocks.ts';
import { checkout, Workplace } from './workplace.ts';

/** Of one block: the first `up` on a machine builds all that there is. */
const blockMsMax = 15 * 60_000;

/** What a test machine has no way to run, by page, section and reason. A new one is a decision. */
const notRun = [
  ['install.md', '3. An image', 'needs a registry of your own'],
  ['install.md', '4. Into the cluster', 'needs a second cluster of your own'],
  ['testbed.md', 'Kind clusters', 'install.md starts some, and an image needs one that was saved'],
];

const pages = ['install.md', 'testbed.md'].map((name) => {
  const markdown = readFileSync(join(checkout, 'docs', name), 'utf8');
  return { name, markdown, blocks: consoleBlocks(markdown) };
});

test('every command of the pages is in a block that is run, or says why it is not', () => {
  expect(pages.flatMap(({ markdown }) => unmarkedCommands(markdown))).toEqual([]);
  const left = pages.flatMap(({ name, blocks }) =>
    blocks.flatMap(({ section, noRun }) => (noRun === undefined ? [] : [[name, section, noRun]])),
  );
  expect(left).toEqual(notRun);
});

describe.each(pages)('docs/$name', ({ blocks }) => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.open();
  });
  afterAll(async () => await place?.close());

  const run = blocks.filter(({ noRun }) => noRun === undefined);
  const named = run.map(
    (block) => [block.section, block.commands[0]?.line, block.commands] as const,
  );
  test.each(named)(
    '%s, line %d',
    async (_, __, commands) => {
      for (const command of commands) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        await typed(place, command);
      }
      if (commands.some(({ text }) => text === 'kubectl get pods -n shop -o wide'))
        await someAreAway(place);
    },
    blockMsMax,
  );
});

/** Ends as the page says, and prints what the page shows, as far as that is the same on every machine. */
async function typed({ shell }: Workplace, command: DocumentedCommand): Promise<void> {
  const { text, output, mayFail } = command;
  const { code, output: said } = await shell.run(text, { timeoutMs: blockMsMax });
  expect({ text, failed: code !== 0, said }).toEqual({ text, failed: mayFail, said });
  if (output !== '') expect(shapeOf(said)).toBe(shapeOf(output));
}

/** What the page says of its Deployment. */
async function someAreAway({ shell }: Workplace): Promise<void> {
  const { output } = await shell.run('kubectl get pods -n shop -o json', { timeoutMs: 30_000 });
  const { items } = JSON.parse(output) as { items: readonly Pod[] };
  const away = items.filter(({ spec }) => /^spillway-(lyon|frankfurt)$/.test(spec.nodeName ?? ''));
  expect(away.length).toBeGreaterThan(0);
  expect(away.length).toBeLessThan(items.length);
}

/** The first line, which is a table's head or all there is, without numbers. */
function shapeOf(output: string): string {
  const [first = ''] = output.split('\n');
  return first.replaceAll(/\d+/g, '0').replaceAll(/ +/g, ' ').trim();
}
