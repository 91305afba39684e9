/**
 * `npm run capture-docs [-- PAGE…]`: runs a page's commands, from the first to the last, and writes below
 * each what it has printed. The clusters are those that the page itself starts and ends. docs/tour.md is the
 * default.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runCommand } from '@spillway/testbed';
import { consoleBlocks, withOutputs } from './console-blocks.ts';
import { checkout, Workplace } from './workplace.ts';

/** Of one command: the first `up` on a machine builds all that there is. */
const commandMsMax = 30 * 60_000;

const pages = process.argv.slice(2).map((page) => resolve(page));
await runCommand(async () => {
  for (const page of pages.length > 0 ? pages : [join(checkout, 'docs/tour.md')])
    await capture(page);
});

async function capture(page: string): Promise<void> {
  const markdown = readFileSync(page, 'utf8');
  const place = await Workplace.open();
  try {
    const outputs: string[] = [];
    const failures: string[] = [];
    for (const { noRun, commands } of consoleBlocks(markdown)) {
      for (const { text, output, line, mayFail } of commands) {
        if (noRun !== undefined) {
          outputs.push(output);
          continue;
        }
        process.stdout.write(`$ ${text}\n`);
        const typed = await place.shell.run(text, { timeoutMs: commandMsMax });
        process.stdout.write(`${typed.output}\n`);
        if (typed.code !== 0 && !mayFail) failures.push(`${page}:${line}: exit code ${typed.code}`);
        outputs.push(place.shown(typed.output));
      }
    }
    if (failures.length > 0) throw new Error(failures.join('\n'));
    writeFileSync(page, withOutputs(markdown, outputs));
  } finally {
    await place.close();
  }
}
