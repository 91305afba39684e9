/** The table of what a host does with each field, held to what API servers of each version know. */
import { containerFields, metadataFields, specFields } from '@spillway/federation';
import { kubernetesMinors, startTestbed } from '@spillway/testbed';
import { beforeAll, describe, expect, test } from 'vitest';

interface OpenApi {
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties: object }>>;
  };
}

const tables = [
  ['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', metadataFields],
  ['io.k8s.api.core.v1.PodSpec', specFields],
  ['io.k8s.api.core.v1.Container', containerFields],
] as const;

/** By version and schema. */
const known = new Map<string, readonly string[]>();

beforeAll(async () => {
  for (const kubernetes of kubernetesMinors) {
    // oxlint-disable-next-line no-await-in-loop -- one control plane at a time is enough for a machine
    const testbed = await startTestbed({
      kubernetes,
      clusters: [{ name: 'fields', city: undefined, nodes: [] }],
    });
    try {
      const { client } = testbed.cluster('fields');
      // oxlint-disable-next-line no-await-in-loop
      const { components } = await client.get<OpenApi>('/openapi/v3/api/v1');
      for (const [schema] of tables) {
        const fields = Object.keys(components.schemas[schema]?.properties ?? {});
        known.set(`${kubernetes} ${schema}`, fields);
      }
    } finally {
      // oxlint-disable-next-line no-await-in-loop
      await testbed.stop();
    }
  }
}, 180_000);

describe.each(tables)('%s', (schema, rules) => {
  test.each(kubernetesMinors)('every field of Kubernetes %s has its rule', (minor) => {
    const fields = known.get(`${minor} ${schema}`) ?? [];
    expect(fields.length).toBeGreaterThan(10);
    expect(fields.filter((field) => !Object.hasOwn(rules, field))).toEqual([]);
  });

  test('every rule is of a field that some version has', () => {
    const fields = new Set(
      kubernetesMinors.flatMap((minor) => known.get(`${minor} ${schema}`) ?? []),
    );
    expect(Object.keys(rules).filter((field) => !fields.has(field))).toEqual([]);
  });
});
