import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { describe, expect, test } from 'vitest';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { type Ingredients, sbomOf } from './sbom.ts';

const ingredients: Ingredients = {
  version: '1.2.3',
  source: 'https://example.org/spillway',
  npm: [
    {
      name: '@libp2p/tcp',
      version: '11.0.28',
      license: 'Apache-2.0 OR MIT',
      description: 'TCP',
      notices: '',
    },
    {
      name: 'odd',
      version: '1.0.0',
      license: 'SEE LICENSE IN LICENSE.md',
      description: '',
      notices: '',
    },
    { name: 'silent', version: '1.0.0', license: '', description: '', notices: '' },
  ],
  node: { version: '24.21.0' },
  debian: [
    {
      name: 'libstdc++6',
      version: '12.2.0-14+deb12u1',
      architecture: 'arm64',
      sha256: 'ab',
      licences: ['GPL-3', 'MPL-2.0'],
    },
  ],
};

describe('sbomOf', () => {
  test('is valid by the strict schema of CycloneDX 1.6', async () => {
    expect(await new JsonStrictValidator(Version.v1dot6).validate(sbomOf(ingredients))).toBe(null);
    // Compiling the schema takes seconds on a busy machine.
  }, 60_000);

  test('names each ingredient with version, licence and package URL', () => {
    const { components, metadata, dependencies } = JSON.parse(sbomOf(ingredients));
    expect(metadata.component).toMatchObject({ name: 'spillway', version: '1.2.3' });
    const told = components.map(({ name, purl, licenses }: Record<string, unknown>) => ({
      name,
      purl,
      licenses,
    }));
    expect(told).toEqual([
      {
        name: 'libstdc++6',
        purl: 'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14+deb12u1?arch=arm64',
        licenses: [{ license: { name: 'GPL-3' } }, { license: { id: 'MPL-2.0' } }],
      },
      { name: 'node', purl: 'pkg:generic/node@24.21.0', licenses: [{ license: { id: 'MIT' } }] },
      {
        name: 'tcp',
        purl: 'pkg:npm/%40libp2p/tcp@11.0.28',
        licenses: [{ expression: 'Apache-2.0 OR MIT' }],
      },
      {
        name: 'odd',
        purl: 'pkg:npm/odd@1.0.0',
        licenses: [{ license: { name: 'SEE LICENSE IN LICENSE.md' } }],
      },
      { name: 'silent', purl: 'pkg:npm/silent@1.0.0', licenses: undefined },
    ]);
    const [whole] = dependencies.filter(({ ref }: { ref: string }) => ref === 'spillway');
    expect(whole.dependsOn).toHaveLength(components.length);
  });

  test('is the same text for the same ingredients, in whatever order', () => {
    const turned = { ...ingredients, npm: ingredients.npm.toReversed() };
    expect(sbomOf(turned)).toBe(sbomOf(ingredients));
  });
});
