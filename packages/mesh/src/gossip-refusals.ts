/**
 * GossipSub drops messages whose signature is not their publisher's before anybody else sees them, and
 * tells of it in its metrics alone. This takes that one metric and leaves the hundred others.
 */
import type { MetricsRegister } from '@libp2p/gossipsub/metrics';
import type { Refusals } from './refusals.ts';

const invalidMessages = 'gossipsub_msg_received_invalid_total';

export function gossipRefusals(refusals: Refusals): MetricsRegister {
  const nothing = { inc() {}, set() {}, addCollect() {}, observe() {}, reset() {} };
  return {
    gauge: ({ name }) => {
      if (name !== invalidMessages) return nothing;
      const inc = (labels: unknown): void => {
        const { error = '' } = labels as { readonly error?: string };
        if (!error.startsWith('invalid')) return;
        refusals.add({ where: 'advert', reason: 'tampered', peer: 'unknown' });
      };
      return { ...nothing, inc };
    },
    histogram: () => ({ ...nothing, startTimer: () => () => {} }),
    avgMinMax: () => nothing,
  };
}
