/**
 * The sentences of a Markdown page that a reader reads from start to end. Left out are code blocks, tables,
 * headings and comments: they are looked at, not read. A link counts as its text, inline code as one word.
 */

export interface Sentence {
  readonly text: string;
  readonly words: number;
  /** The line of the page where its paragraph or list item starts, from 1. */
  readonly line: number;
}

interface Block {
  readonly line: number;
  readonly lines: string[];
}

export function sentencesOf(markdown: string): readonly Sentence[] {
  return blocksOf(markdown).flatMap(({ line, lines }) =>
    plain(lines.join(' '))
      // A sentence ends at its full stop, with the quotation mark or bracket that closes after it.
      .split(/(?<=[.!?][)"”’]?)\s+/)
      .filter((text) => text !== '')
      .map((text) => ({ text, line, words: text.split(/\s+/).filter(isWord).length })),
  );
}

/** Paragraphs and list items. */
function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  for (const [i, line] of withoutFences(markdown).split('\n').entries()) {
    const item = /^\s*(?:[-*]|\d+\.) (.*)$/.exec(line)?.[1];
    if (item === undefined && /^\s*(?:$|[|#<])/.test(line)) open = undefined;
    else if (item === undefined && open !== undefined) open.lines.push(line.trim());
    else {
      open = { line: i + 1, lines: [(item ?? line).trim()] };
      blocks.push(open);
    }
  }
  return blocks;
}

/** Fenced and indented code and HTML comments, as empty lines: numbers of lines stay. */
function withoutFences(markdown: string): string {
  const blank = (text: string): string => text.replaceAll(/[^\n]/g, '');
  return markdown
    .replaceAll(/^(\s*)```[\s\S]*?^\1```$/gm, blank)
    .replaceAll(/<!--[\s\S]*?-->/g, blank)
    .replaceAll(/(?<=\n\n)(?: {4}.*\n)+/g, blank);
}

function plain(text: string): string {
  return text
    .replaceAll(/`[^`]+`/g, 'code')
    .replaceAll(/!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replaceAll(/\*\*|(?<!\w)[*_]|[*_](?!\w)/g, '')
    .trim();
}

const isWord = (token: string): boolean => /[\p{L}\p{N}]/u.test(token);
