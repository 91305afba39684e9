import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { generatedManifests } from './generated.ts';

describe('the manifests', () => {
  test('are what Helm renders of the chart', async () => {
    const { file, text } = await generatedManifests();
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
