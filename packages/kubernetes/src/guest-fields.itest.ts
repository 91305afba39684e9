/** The table of what a host does with each field, held to what an API server knows. */
import { containerFields, metadataFields, specFields } from '@spillway/federation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentCluster, startAgentCluster } from './testing/agent-cluster.ts';

let agent: AgentCluster;

beforeAll(async () => {
  agent = await startAgentCluster();
});

afterAll(async () => await agent.stop());

interface OpenApi {
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties: object }>>;
  };
}

test.each([
  ['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', metadataFields],
  ['io.k8s.api.core.v1.PodSpec', specFields],
  ['io.k8s.api.core.v1.Container', containerFields],
])('every field of %s has its rule', async (schema, rules) => {
  const { components } = await agent.cluster.client.get<OpenApi>('/openapi/v3/api/v1');
  const fields = Object.keys(components.schemas[schema]?.properties ?? {});
  expect(fields.length).toBeGreaterThan(10);
  expect(fields.filter((field) => !Object.hasOwn(rules, field))).toEqual([]);
});
