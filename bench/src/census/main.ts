/** `npm run census`: what share of the pods of manifests may leave their cluster, and what holds back the rest. */
import { runCommandLine } from '@spillway/testbed';
import { Command, InvalidArgumentError } from 'commander';
import { startProgress } from '../benchmark/progress.ts';
import { censusText } from './census-text.ts';
import { countFile } from './count-file.ts';
import { manifestsBelow } from './manifest-tree.ts';
import { Tally } from './tally.ts';

interface Options {
  readonly json: boolean;
  readonly atLeast?: number;
}

const command = new Command('npm run census --')
  .description(
    'Reads manifests (YAML and JSON) and counts the pod templates whose pods may leave their cluster.',
  )
  .argument('<path...>', 'folders with all folders below, or files')
  .option('--json', 'one JSON object on standard output', false)
  .option('--at-least <percent>', 'exit code 1 if a smaller share may leave', percent)
  .addHelpText(
    'after',
    `
The code that decides is the code that the agent runs. Templates of DaemonSets are counted apart, since their pods
never leave. So are files that Helm has to fill in first: render them, and count what comes out.

Exit codes: 0 counted, 1 no pod template was found or --at-least was not reached, 2 the command line is wrong.

Examples:
  npm run census -- ../examples
  helm template my-chart > all.yaml && npm run census -- all.yaml
  npm run --silent census -- manifests --json | jq .mayLeavePercent
  npm run census -- manifests --at-least 95`,
  );
await runCommandLine(command.action(run));

async function run(paths: readonly string[], { json, atLeast = 0 }: Options): Promise<void> {
  const files = manifestsBelow(paths);
  const tally = new Tally();
  const progress = startProgress(files.length, 'files');
  try {
    for (const file of files) {
      countFile(file, tally);
      progress.done();
      // oxlint-disable-next-line no-await-in-loop -- Ctrl-C is heard between two files
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    progress.stop();
  }
  const census = tally.result();
  process.stdout.write(json ? `${JSON.stringify(census, null, 2)}\n` : `${censusText(census)}\n`);
  if (census.templates === 0 || census.mayLeavePercent < atLeast) process.exitCode = 1;
}

function percent(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 100.');
}
