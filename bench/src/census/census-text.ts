/** A census for people. */
import { borderless } from '../report/tables.ts';
import { type Census, namedMax } from './tally.ts';

/** Problems that are named in the text; `--json` has more. */
const problemsShownMax = 20;

export function censusText(census: Census): string {
  const { templates, mayLeave, daemonSets, kinds, heldBackBy } = census;
  const parts = [
    `${many(templates)} pod templates: ${many(mayLeave)} may leave (${census.mayLeavePercent} %)`,
  ];
  if (daemonSets > 0)
    parts.push(`${many(daemonSets)} more are of DaemonSets, whose pods never leave.`);
  if (templates > 0) {
    const table = borderless(['KIND', 'TEMPLATES', 'MAY LEAVE']);
    for (const each of kinds) table.push([each.kind, many(each.templates), many(each.mayLeave)]);
    parts.push(table.toString());
  }
  if (heldBackBy.length > 0) {
    const table = borderless(['HELD BACK BY', 'TEMPLATES', 'BY IT ALONE', 'FOR EXAMPLE']);
    for (const { field, alone, example, ...each } of heldBackBy)
      table.push([field, many(each.templates), many(alone), `${example.name} ${example.reason}`]);
    parts.push(table.toString());
  }
  parts.push(filesText(census));
  return parts.join('\n\n');
}

function filesText({ files, problems }: Census): string {
  const { withTemplates, withoutTemplates, helmTemplates, unread } = files;
  const lines = [
    `Files: ${many(withTemplates)} with pod templates, ${many(withoutTemplates)} without, ${many(helmTemplates)} Helm templates, ${many(unread)} that can't be read whole.`,
    ...problems.slice(0, problemsShownMax).map((problem) => `  ${firstLine(problem)}`),
  ];
  const hidden = unread - problemsShownMax;
  if (hidden > 0) lines.push(`  and ${many(hidden)} more; --json names ${many(namedMax)} at most`);
  return lines.join('\n');
}

/** What a parser says goes on with an excerpt of the file. */
function firstLine(problem: string): string {
  const [line = ''] = problem.split('\n');
  return line;
}

function many(n: number): string {
  return n.toLocaleString('en');
}
