/** Policies where all pods of a home go by one and the same. */
import { nearest, type PlacementPolicy, type Policies, policyText } from '@spillway/federation';

export function onePolicy(policy: PlacementPolicy = nearest): Policies {
  const text = policyText(policy);
  return { policyFor: () => ({ policy, text, source: 'the simulation' }) };
}
