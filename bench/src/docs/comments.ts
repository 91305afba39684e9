/**
 * The comments of a source, as text that can be read like a page. Left out are comments behind code: they are
 * a few words, and tools keep the lines short.
 */

export interface Comment {
  readonly text: string;
  /** The line of the source where it starts, from 1. */
  readonly line: number;
}

/** A tag, and the names that it is about, start a sentence of their own. */
const tag = /^@\w+ ?/gm;

export function commentsOf(source: string): readonly Comment[] {
  return [...source.matchAll(/^[ \t]*(?:\/\*\*[\s\S]*?\*\/|\/\/.*(?:\n[ \t]*\/\/.*)*)/gm)].map(
    ({ 0: comment, index }) => ({
      text: comment
        .replace(/\*\/$/, '')
        .split('\n')
        .map((line) => line.replace(/^\s*(?:\/\*\*|\*|\/\/) ?/, ''))
        .join('\n')
        .replaceAll(tag, '\n')
        .trim(),
      line: source.slice(0, index).split('\n').length,
    }),
  );
}
