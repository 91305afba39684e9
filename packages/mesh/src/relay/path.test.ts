import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { peerId } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { bestOf, circuitAddress, isRelayedAddress, pathOf } from './path.ts';

const relay = peerId('12D3KooWRm8J3iL796zPFi2EtGGtUJn58AG67gcRzQ4FENEemvpg');
const member = peerId('12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5');

function connection(address: string, status = 'open'): Connection {
  const remoteAddr = multiaddr(address);
  return { remoteAddr, status, direct: !address.includes('p2p-circuit') } as Connection;
}

describe('path', () => {
  test.each(['/ip4/203.0.113.1/tcp/7420', `/ip4/203.0.113.1/tcp/7420/p2p/${relay}`])(
    'a member waits at %s, and the way there names the relay',
    (address) => {
      const waiting = circuitAddress(address, { relay, member });
      expect(waiting).toBe(`/ip4/203.0.113.1/tcp/7420/p2p/${relay}/p2p-circuit/p2p/${member}`);
      expect(isRelayedAddress(waiting)).toBe(true);
      expect(isRelayedAddress(address)).toBe(false);
      expect(pathOf(connection(waiting))).toEqual({ kind: 'relayed', via: relay });
      expect(pathOf(connection(address))).toEqual({ kind: 'direct' });
    },
  );

  test('direct goes before relayed, open before closing', () => {
    const relayed = connection(circuitAddress('/ip4/203.0.113.1/tcp/7420', { relay, member }));
    const direct = connection('/ip4/203.0.113.2/tcp/7420');
    const closing = connection('/ip4/203.0.113.2/tcp/7420', 'closing');
    expect(bestOf([relayed, direct])).toBe(direct);
    expect(bestOf([relayed, closing])).toBe(relayed);
    expect(bestOf([closing])).toBeUndefined();
  });
});
