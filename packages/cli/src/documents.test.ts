import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isHidden, pathTo, publishedDocuments } from './documents.ts';
import { allOf, spillwayProgram } from './program.ts';

describe('what is generated', () => {
  test.each(publishedDocuments().map(({ file, text }) => [file.split('/').at(-1), file, text]))(
    '%s is as the code says (npm run generate-docs)',
    (_, file, text) => {
      expect(readFileSync(file ?? '', 'utf8')).toBe(text);
    },
  );

  test('every command has a description, and every one that does something an example', () => {
    const { text } = publishedDocuments()[0] ?? { text: '' };
    for (const command of allOf(spillwayProgram())) {
      expect([command.name(), command.description()]).not.toContain('');
      if (command.name() === 'complete') continue;
      const [, section = ''] = text.split(new RegExp(`^## .*\\b${command.name()}$`, 'm'));
      expect([command.name(), /^Examples?:$/m.test(section.split('\n## ')[0] ?? '')]).toEqual([
        command.name(),
        true,
      ]);
    }
  });
});

const tour = readFileSync(new URL('../../../docs/tour.md', import.meta.url), 'utf8');
const doers = allOf(spillwayProgram()).filter(
  (command) => command.commands.length === 0 && !isHidden(command),
);

describe('docs/tour.md', () => {
  test.each(doers.map(pathTo))('shows what "%s" prints (npm run capture-docs)', (path) => {
    const [, shown] =
      new RegExp(`^\\$ (?:timeout \\d+ )?${path}\\b.*\\n(.*)`, 'm').exec(tour) ?? [];
    expect(shown).toMatch(/^(?!\$ |```)./);
  });
});
