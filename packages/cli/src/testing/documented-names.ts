/** The names that pages use, found by how they look. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Page {
  readonly name: string;
  readonly text: string;
}

/** What users read. Decision records and the changelog tell of the past. */
export function pages(): readonly Page[] {
  const docs = readdirSync(`${top}docs`).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.map((name) => `docs/${name}`)].map((name) => ({
    name,
    text: readFileSync(`${top}${name}`, 'utf8'),
  }));
}

/** The programs and the chart, without tests, as one text: a name that it lacks is nobody's. */
export function sources(): string {
  const folders = ['packages', 'testbed', 'bench', 'tools', 'proto'];
  return folders.flatMap((folder) => filesBelow(`${top}${folder}`)).join('\n');
}

export function chartSchema(): unknown {
  const file = `${top}packages/chart/spillway/values.schema.json`;
  return JSON.parse(readFileSync(file, 'utf8')) as unknown;
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): readonly string[] => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return ['node_modules', 'dist', 'gen', 'tests'].includes(entry.name) ? [] : filesBelow(path);
    const isSource = /\.(ts|mjs|yaml|tpl|txt|proto|json)$|\/bin\//.test(path);
    return isSource && !/\.i?test\.ts$/.test(path) ? [readFileSync(path, 'utf8')] : [];
  });
}

/** Each match once, with the page that it is on. */
export function found(pattern: RegExp): readonly (readonly [name: string, page: string])[] {
  const first = new Map<string, string>();
  for (const { name, text } of pages()) {
    for (const [match] of text.matchAll(pattern)) if (!first.has(match)) first.set(match, name);
  }
  return [...first];
}

/** Whole words of inline code: `…`. */
export function inlineCode(pattern: RegExp): readonly (readonly [name: string, page: string])[] {
  const words = new Map<string, string>();
  for (const { name, text } of pages()) {
    const outside = text.replaceAll(/^```[\s\S]*?^```/gm, '');
    for (const [, code = ''] of outside.matchAll(/`([^`\n]+)`/g)) {
      if (pattern.test(code) && !words.has(code)) words.set(code, name);
    }
  }
  return [...words];
}

/** Command lines of `program`, without what comes after a pipe; continued lines joined. */
export function commandLines(
  program: string,
): readonly (readonly [words: readonly string[], page: string])[] {
  const typed = new RegExp(`^(?:\\$ +)?(?:timeout \\d+ )?${program} (.*)$`, 'gm');
  return pages().flatMap(({ name, text }) => {
    const joined = text.replaceAll(/\\\n\s*/g, ' ');
    const blocks = [...joined.matchAll(/^```(?:console|sh)[^\n]*\n([\s\S]*?)^```/gm)];
    const inline = [...joined.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
    const lines = [...blocks.map(([, block = '']) => block), ...inline].join('\n');
    return [...lines.matchAll(typed)].map(([, rest = '']) => {
      const [command = ''] = rest.split(/ [|&;>#] ?|\$\(| {3,}/);
      return [command.split(/ +/).filter((word) => word !== ''), name] as const;
    });
  });
}
