/** Which placement policy is in force for a pod: its own, its namespace's, the federation's, in this order. */
import { Fault, wellKnown } from '@spillway/core';
import {
  nearest,
  parsePolicy,
  type PlacementPolicy,
  type Policies,
  policyText,
} from '@spillway/federation';

const parsedMax = 1_000;

/** A text that can't be read holds the pod until it is mended. @throws Fault `InvalidConfig` for the federation's. */
export function policiesOf(federation: string): Policies {
  const fallback = parsePolicy(federation);
  if ('problem' in fallback) throw new Fault('InvalidConfig', `policy: ${fallback.problem}`);
  const fallbackText = policyText(fallback);
  const parsed = new Map<string, PlacementPolicy | { readonly problem: string }>();
  return {
    policyFor({ metadata }, namespaceAnnotations) {
      const own = metadata.annotations?.[wellKnown.policyAnnotation];
      const text = own ?? namespaceAnnotations[wellKnown.policyAnnotation];
      if (text === undefined)
        return {
          policy: fallback,
          text: fallbackText,
          source: 'policy in the agent’s configuration',
        };
      const owner =
        own === undefined ? `namespace ${metadata.namespace ?? 'default'}` : 'the pod itself';
      const source = `annotation ${wellKnown.policyAnnotation} of ${owner}`;
      const policy = parsed.get(text) ?? parsePolicy(text);
      if (parsed.size < parsedMax) parsed.set(text, policy);
      if ('problem' in policy) return { policy: nearest, text, problem: policy.problem, source };
      return { policy, text: policyText(policy), source };
    },
  };
}
