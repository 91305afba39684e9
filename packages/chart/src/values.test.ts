import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { publishedDocuments } from './generated.ts';
import { chartFolder } from './helm.ts';
import { valueEntries } from './values-reference.ts';
import { valuesSchema } from './values.ts';

const yaml = readFileSync(join(chartFolder, 'values.yaml'), 'utf8');

interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly additionalProperties?: unknown;
}

function keysOf(value: unknown, schema: Schema, prefix = ''): readonly string[] {
  const known = Object.keys(schema.properties ?? {});
  if (typeof value !== 'object' || value === null || known.length === 0) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    `${prefix}${key}`,
    ...keysOf(inner, schema.properties?.[key] ?? {}, `${prefix}${key}.`),
  ]);
}

function schemaKeysOf(schema: Schema, prefix = ''): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => [
    `${prefix}${key}`,
    ...schemaKeysOf(inner, `${prefix}${key}.`),
  ]);
}

describe('the chart’s values', () => {
  test.each(publishedDocuments().map(({ file, text }) => ({ file, text })))(
    'generating leaves no diff in $file',
    ({ file, text }) => {
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );

  test.each(valueEntries(yaml).map(({ key, comment }) => ({ key, comment })))(
    '$key says what it is for',
    ({ comment }) => {
      expect(comment).toMatch(/^.{10,}\.$/s);
    },
  );

  test('values.yaml has each that the schema knows, and no other', () => {
    const inSchema = schemaKeysOf(valuesSchema() as Schema).filter(
      (key) => key !== 'global' && !key.startsWith('config.'),
    );
    const inFile = keysOf(parse(yaml), valuesSchema());
    expect(inFile.toSorted()).toEqual(inSchema.toSorted());
  });

  test('the agent’s configuration is the agent’s schema, less what the chart says itself', () => {
    const config = (valuesSchema() as Schema).properties?.['config'];
    expect(config?.additionalProperties).toBe(false);
    const keys = schemaKeysOf(config ?? {});
    expect(keys).toContain('host.guestsMax');
    expect(keys).toContain('mesh.preset');
    for (const own of ['cluster', 'kubeconfig', 'identity', 'mesh.announce', 'lease.name'])
      expect(keys).not.toContain(own);
  });
});
