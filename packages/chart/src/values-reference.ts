/** docs/chart-values.md, from values.yaml: each key, its default, and the comment that stands before it. */
import { isMap, isScalar, type Node, parseDocument, stringify, type YAMLMap } from 'yaml';

export interface ValueEntry {
  readonly key: string;
  /** YAML in one line. */
  readonly fallback: string;
  /** Empty when it has none. */
  readonly comment: string;
}

/** Of every key whose value is no group of others, in order. */
export function valueEntries(yaml: string): readonly ValueEntry[] {
  const { contents } = parseDocument(yaml);
  if (!isMap(contents)) return [];
  return entriesOf(contents, '');
}

/** Markdown. */
export function valuesReference(yaml: string): string {
  const rows = valueEntries(yaml).map(
    ({ key, fallback, comment }) => `| \`${key}\` | \`${cell(fallback)}\` | ${cell(comment)} |`,
  );
  return [
    '# Values of the chart',
    '',
    'Generated from packages/chart/spillway/values.yaml by `npm run generate-docs`.',
    '',
    '| key | default | what it says |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function entriesOf(map: YAMLMap, prefix: string): readonly ValueEntry[] {
  return map.items.flatMap(({ key, value }, i) => {
    if (!isScalar(key)) return [];
    const path = `${prefix}${String(key.value)}`;
    // The parser gives what stands before a map's first key to the map.
    const own = key.commentBefore ?? (i === 0 ? map.commentBefore : undefined) ?? '';
    const comment = wordsOf(own);
    // A comment on a group, such as `resources`, makes it a value of its own.
    if (isMap(value) && value.items.length > 0 && !value.flow && comment === '') {
      return entriesOf(value, `${path}.`);
    }
    return [{ key: path, fallback: inOneLine(value as Node | null), comment }];
  });
}

function inOneLine(value: Node | null): string {
  const plain: unknown = value?.toJSON();
  if (plain === undefined || plain === null) return '';
  return stringify(plain, { collectionStyle: 'flow', lineWidth: 0, singleQuote: true }).trim();
}

function wordsOf(comment: string): string {
  // What a blank line sets apart is about the file, and not about the key.
  const last = comment.split('\n\n').at(-1) ?? '';
  return last.replaceAll(/\s+/g, ' ').trim();
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
