/** Deployments of one container, in YAML: what drills and tests run at a home. */
export interface DeploymentOptions {
  readonly namespace: string;
  /** Also the label `app` of its pods. */
  readonly name: string;
  readonly replicas: number;
  readonly cpu: string;
  readonly memory: string;
  /** Of its pods: `key: value`. */
  readonly annotations?: readonly string[];
  /** Fields of its pods beside the containers, each on one line: `key: value`. */
  readonly spec?: readonly string[];
}

export function deploymentYaml(options: DeploymentOptions): string {
  const { namespace, name, replicas, cpu, memory, annotations = [], spec = [] } = options;
  const container = `{ name: main, image: "registry.example/${name}:1", resources: { requests: { cpu: ${cpu}, memory: ${memory} } } }`;
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} }, annotations: { ${annotations.join(', ')} } }
    spec:
      ${[...spec, `containers: [${container}]`].join('\n      ')}
`;
}
