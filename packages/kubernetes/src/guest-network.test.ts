import { describe, expect, test } from 'vitest';
import { guestNetworkDefaults, guestNetworkPolicy } from './guest-network.ts';

interface Policy {
  readonly metadata: { readonly namespace: string };
  readonly spec: { readonly egress: readonly { readonly to: readonly unknown[] }[] };
}

describe('guestNetworkPolicy', () => {
  test('leaves the blocked ranges out of what guests may reach, by family', () => {
    const blockedCidrs = ['10.0.0.0/8', 'fc00::/7', '169.254.0.0/16'];
    const policy = guestNetworkPolicy('g', { isolated: true, blockedCidrs }) as Policy;
    expect(policy.metadata.namespace).toBe('g');
    expect(policy.spec.egress.at(-1)?.to).toEqual([
      { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '169.254.0.0/16'] } },
      { ipBlock: { cidr: '::/0', except: ['fc00::/7'] } },
    ]);
  });

  test('an empty list blocks nothing, and asks the API server for no empty exception', () => {
    const policy = guestNetworkPolicy('g', { isolated: true, blockedCidrs: [] }) as Policy;
    expect(policy.spec.egress.at(-1)?.to).toEqual([
      { ipBlock: { cidr: '0.0.0.0/0' } },
      { ipBlock: { cidr: '::/0' } },
    ]);
  });

  test('by default the metadata service of clouds is blocked', () => {
    expect(guestNetworkDefaults.blockedCidrs).toContain('169.254.0.0/16');
  });
});
