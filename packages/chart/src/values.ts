/**
 * What values the chart takes, strictly: values.schema.json is generated from here, and Helm holds every
 * lint, template, install and upgrade to it. The agent's own configuration is checked by the agent's own
 * schema, less what the chart says itself.
 */
import { optionsSchema } from '@spillway/agent';
import { z } from 'zod';

const port = z.number().int().min(1).max(65_535);
const text = z.string();
const labels = z.record(z.string(), z.string());
/** What Kubernetes itself checks. */
const kubernetes = z.looseObject({});
const multiaddr = z.string().regex(/^\/(ip4|ip6|dns|dns4|dns6)\//);

/** Of the agent's configuration: said by the chart, or of no use in a pod. */
const ofTheChart: readonly (readonly string[])[] = [
  ['cluster'],
  ['instance'],
  ['pod'],
  ['kubeconfig'],
  ['identity'],
  ['http'],
  ['kubelet', 'address'],
  ['kubelet', 'port'],
  ['kubelet', 'tls'],
  ['lease', 'namespace'],
  ['lease', 'name'],
  ['mesh', 'announce'],
  ['mesh', 'bootstrap'],
];

const values = z.strictObject({
  /** Helm gives it to charts that others depend on. */
  global: kubernetes.optional(),
  cluster: z.string().regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/),
  image: z.strictObject({
    repository: z.string().min(1),
    tag: text,
    digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
    pullPolicy: z.enum(['', 'Always', 'IfNotPresent', 'Never']),
    pullSecrets: z.array(z.strictObject({ name: z.string().min(1) })),
  }),
  identity: z.strictObject({
    secretName: z.string().min(1),
    peerKey: text,
    membershipCertificate: text,
    federationKey: text,
  }),
  mesh: z.strictObject({
    bootstrap: z.array(multiaddr),
    announce: z.array(multiaddr),
    addressFamily: z.enum(['ip4', 'ip6']),
  }),
  exposure: z.strictObject({
    type: z.enum(['nodePort', 'hostPort', 'loadBalancer', 'none']),
    nodePort: port,
    hostPort: port,
    loadBalancer: z.strictObject({ port, class: text, sourceRanges: z.array(text) }),
    annotations: labels,
    externalTrafficPolicy: z.enum(['Cluster', 'Local']),
  }),
  kubelet: z.strictObject({ enabled: z.boolean(), tlsSecretName: text }),
  config: kubernetes,
  leave: z.strictObject({
    onUninstall: z.boolean(),
    timeoutSeconds: z.number().int().min(5).max(3600),
  }),
  crds: z.strictObject({ install: z.boolean() }),
  admissionPolicies: z.strictObject({ enabled: z.boolean() }),
  namespace: z.strictObject({ create: z.boolean() }),
  networkPolicy: z.strictObject({ enabled: z.boolean(), metricsFrom: z.array(kubernetes) }),
  serviceMonitor: z.strictObject({ enabled: z.boolean(), interval: text, labels }),
  resources: kubernetes,
  updateStrategy: kubernetes,
  nodeSelector: labels,
  tolerations: z.array(kubernetes),
  affinity: kubernetes,
  priorityClassName: text,
  podLabels: labels,
  podAnnotations: labels,
});

interface JsonSchema {
  readonly properties?: Record<string, JsonSchema>;
  readonly [keyword: string]: unknown;
}

/** As Helm of any version understands it: draft 7. */
export function valuesSchema(): JsonSchema {
  const schema = z.toJSONSchema(values, { target: 'draft-7' }) as JsonSchema;
  return { ...schema, properties: { ...schema.properties, config: configSchema() } };
}

function configSchema(): JsonSchema {
  const { $schema: _draft, ...schema } = z.toJSONSchema(optionsSchema, {
    target: 'draft-7',
    io: 'input',
  }) as JsonSchema;
  return ofTheChart.reduce<JsonSchema>(without, schema);
}

function without(schema: JsonSchema, [key = '', ...path]: readonly string[]): JsonSchema {
  const { [key]: at, ...others } = schema.properties ?? {};
  if (at === undefined) throw new Error(`the agent's configuration has no ${key}`);
  const properties = path.length === 0 ? others : { ...others, [key]: without(at, path) };
  return { ...schema, properties };
}
