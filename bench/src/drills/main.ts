/** `npm run drill -- burst|crash|cut|strangers|handover|binding`: see options.ts. */
import { styleText } from 'node:util';
import { runCommand } from '@spillway/testbed';
import { binding } from './binding.ts';
import { burst } from './burst.ts';
import { crash } from './crash.ts';
import { cut } from './cut.ts';
import type { AuditFigures } from '../report/figures.ts';
import type { Drill } from './drill.ts';
import { handover } from './handover.ts';
import { type DrillName, readOptions } from './options.ts';
import { strangers } from './strangers.ts';

const drills: Readonly<Record<DrillName, Drill<{ readonly audit: AuditFigures }>>> = {
  burst,
  crash,
  cut,
  strangers,
  handover,
  binding,
};

await runCommand(async () => {
  const { drill, ...options } = readOptions(process.argv.slice(2));
  const started = performance.now();
  const { figures, failures, text } = await drills[drill](options, say);
  const { lost, doubled, overcommittedNodes, orphans } = figures.audit;
  const ok = failures.length + lost + doubled + overcommittedNodes + orphans === 0;
  const seconds = Math.round((performance.now() - started) / 1000);
  const { seed } = options;
  if (options.json) {
    const report = { drill, seed, ok, failures, ...figures, seconds };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    const failed = failures.map((failure) => styleText('red', `  ${failure}\n`)).join('');
    const verdict = ok
      ? styleText('green', 'as it must be')
      : styleText('red', 'NOT as it must be');
    process.stdout.write(
      `\n${text}\n${failed}\n${styleText('bold', `drill ${drill}`)} (seed ${seed}, ${seconds} s): ${verdict}\n`,
    );
  }
  return ok ? 0 : 1;
});

/** Standard output is for the report alone. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
