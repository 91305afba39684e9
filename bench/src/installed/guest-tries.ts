/** What a guest tries at its host, by what docs/security.md calls each; guest-program.ts does it. */

/** Addresses in the host's cluster. */
export interface Targets {
  readonly node: string;
  readonly apiServer: string;
  readonly agent: string;
  readonly meshNodePort: number;
  /** A pod of the host's own, its Service, and that Service's port of every node. */
  readonly till: { readonly pod: string; readonly service: string; readonly nodePort: number };
  /** A guest of the same guest namespace, and one of another. */
  readonly sibling: string;
  readonly stranger: string;
}

export const servedPort = 8080;
export const metadataAddress = '169.254.169.254';
/** Of RFC 5737's, for documentation: nobody's, and not private. */
export const publicAddress = '203.0.113.10';

export function triesAt(targets: Targets): Readonly<Record<string, string>> {
  const { node, apiServer, agent, meshNodePort, till, sibling, stranger } = targets;
  return {
    'another guest of its own namespace': `http://${sibling}:${servedPort}`,
    'a name, by the cluster’s DNS': 'dns:kubernetes.default.svc.cluster.local',
    'a public address': `http://${publicAddress}`,
    'the API server’s `/version`, by its Service': `https://${apiServer}/version`,
    'the API server’s `/version`, at its node': `https://${node}:6443/version`,
    'pods, of the API server': `https://${apiServer}/api/v1/pods`,
    'pods, of the kubelet': `https://${node}:10250/pods`,
    'the agent’s `/metrics`': metricsOf(targets),
    'the agent’s `/v1`': `http://${agent}:7421/v1/neighbours`,
    'the agent’s kubelet API': `https://${agent}:10250/pods`,
    'the mesh’s port, at the agent’s pod': `http://${agent}:7420`,
    'the mesh’s port, at its node': `http://${node}:${meshNodePort}`,
    'a pod of the host': `http://${till.pod}:${servedPort}`,
    'a Service of the host': `http://${till.service}:${servedPort}`,
    'that Service’s NodePort': `http://${node}:${till.nodePort}`,
    'a guest of another namespace': `http://${stranger}:${servedPort}`,
    'the metadata service, 169.254.169.254': `http://${metadataAddress}`,
    'a token among its files': 'file:/var/run/secrets/kubernetes.io/serviceaccount/token',
  };
}

export function metricsOf({ agent }: Targets): string {
  return `http://${agent}:7421/metrics`;
}
