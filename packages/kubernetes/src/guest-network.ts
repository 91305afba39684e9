/**
 * What guests may reach over the network: one NetworkPolicy in each guest namespace. It is created with the
 * namespace and never changed again, so that a host's administrators can replace it. It has an effect only
 * where the cluster's network plugin enforces NetworkPolicies.
 */

export interface GuestNetwork {
  /** False: no policy is made, guests reach what any pod of the host reaches. */
  readonly isolated: boolean;
  /**
   * CIDRs that guests may not open connections to. The default is all that is private, shared or link-local
   * (RFC 1918, 6598, 3927, 4193, 4291). These are the pods, Services, nodes and API servers of nearly every
   * cluster, and the metadata service of clouds, 169.254.169.254.
   */
  readonly blockedCidrs: readonly string[];
}

export const guestNetworkDefaults: GuestNetwork = Object.freeze({
  isolated: true,
  blockedCidrs: Object.freeze([
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '169.254.0.0/16',
    'fc00::/7',
    'fe80::/10',
  ]),
});

/** Its name in every guest namespace. */
export const guestNetworkPolicyName = 'spillway-guests';

/** Guests reach each other within their namespace, DNS, and what is not blocked; from outside nobody reaches them. */
export function guestNetworkPolicy(namespace: string, { blockedCidrs }: GuestNetwork): object {
  const allBut = (cidr: string, isOfFamily: (blocked: string) => boolean): object => {
    const except = blockedCidrs.filter(isOfFamily);
    return { ipBlock: { cidr, ...(except.length > 0 && { except }) } };
  };
  const isV6 = (cidr: string): boolean => cidr.includes(':');
  const neighbours = { podSelector: {} };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: guestNetworkPolicyName,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'spillway' },
    },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [neighbours] }],
      egress: [
        { to: [neighbours] },
        {
          to: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
              podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
            },
          ],
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
        { to: [allBut('0.0.0.0/0', (cidr) => !isV6(cidr)), allBut('::/0', isV6)] },
      ],
    },
  };
}
