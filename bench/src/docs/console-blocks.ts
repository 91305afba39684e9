/**
 * Commands in Markdown as people read them, in fences of language `console`. `$ ` is before a command, and
 * `> ` before the lines that belong to it. What it prints is below. `no-run="why"` after the language marks
 * a block that only a reader can run: it needs a registry, or a cluster of their own.
 */

export interface DocumentedCommand {
  /** Without prompts; lines that end in a backslash, and here-documents, are several. */
  readonly text: string;
  readonly output: string;
  /** From 1. */
  readonly line: number;
  /** The next command looks at its exit code, or what it prints is an error, or `timeout` is to end it. */
  readonly mayFail: boolean;
}

export interface ConsoleBlock {
  /** Of the section that it is in. */
  readonly section: string;
  readonly noRun: string | undefined;
  readonly commands: readonly DocumentedCommand[];
}

interface OpenBlock {
  readonly section: string;
  readonly noRun: string | undefined;
  readonly commands: Written[];
}

interface Written {
  readonly line: number;
  readonly typed: string[];
  readonly printed: string[];
}

const fence = /^```(\S*)(.*)$/;

/** @throws Error that names the line of output without a command */
export function consoleBlocks(markdown: string): readonly ConsoleBlock[] {
  const blocks: ConsoleBlock[] = [];
  let section = '';
  let open: OpenBlock | 'other' | undefined;
  for (const [i, line] of markdown.split('\n').entries()) {
    const [, language, info = ''] = fence.exec(line) ?? [];
    if (open !== undefined) {
      if (line === '```') {
        if (open !== 'other') blocks.push(closed(open));
        open = undefined;
      } else if (open !== 'other') add(open.commands, line, i + 1);
    } else if (language !== undefined) {
      const noRun = /no-run="([^"]+)"/.exec(info)?.[1];
      open = language === 'console' ? { section, noRun, commands: [] } : 'other';
    } else if (/^#+ /.test(line)) section = line.replace(/^#+ /, '');
  }
  return blocks;
}

/** The same page, with what each command has printed now; `outputs` in the order of the page's commands. */
export function withOutputs(markdown: string, outputs: readonly string[]): string {
  const commands = consoleBlocks(markdown).flatMap((block) => block.commands);
  const lines = markdown.split('\n');
  // From the end, so that the lines before stay where they are.
  for (const [i, { line, text, output }] of [...commands.entries()].toReversed()) {
    const printed = lineCount(outputs[i] ?? '') === 0 ? [] : (outputs[i] ?? '').split('\n');
    lines.splice(line - 1 + lineCount(text), lineCount(output), ...printed);
  }
  return lines.join('\n');
}

/** Languages of fences in which nobody looks for commands although there are some. */
export function unmarkedCommands(markdown: string): readonly string[] {
  const fences = [...markdown.matchAll(/^```(\S*).*\n([\s\S]*?)^```$/gm)];
  return fences
    .filter(
      ([, language, text]) => language !== 'console' && /^(\$ |npm |kubectl )/m.test(text ?? ''),
    )
    .map(([whole]) => whole);
}

function add(commands: Written[], line: string, number: number): void {
  const last = commands.at(-1);
  if (line.startsWith('$ ')) commands.push({ line: number, typed: [line.slice(2)], printed: [] });
  else if (last === undefined) throw new Error(`line ${number}: output before any command`);
  else if (last.printed.length === 0 && line.startsWith('> ')) last.typed.push(line.slice(2));
  else if (last.printed.length === 0 && last.typed.at(-1)?.endsWith('\\')) last.typed.push(line);
  else last.printed.push(line);
}

function closed({ section, noRun, commands }: OpenBlock): ConsoleBlock {
  return {
    section,
    noRun,
    commands: commands.map(({ line, typed, printed }, i) => ({
      line,
      text: typed.join('\n'),
      output: printed.join('\n'),
      mayFail:
        printed[0]?.startsWith('error: ') === true ||
        typed[0]?.startsWith('timeout ') === true ||
        commands[i + 1]?.typed[0]?.startsWith('echo $?') === true,
    })),
  };
}

function lineCount(text: string): number {
  return text === '' ? 0 : text.split('\n').length;
}
