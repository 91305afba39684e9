import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, test } from 'vitest';
import { siteAt } from './front-door.ts';

const peer = '12D3KooWGKeV2vXrSTbBmRp8YwCuzm9bVCkbHQvGpwSexPMCkHfZ';

describe('site of a caller', () => {
  test.each([
    ['/ip4/192.0.2.7/tcp/7420', '192.0.2.7'],
    ['/ip6/2001:db8:1:2:3:4:5:6/tcp/7420', '2001:db8:1:2::/64'],
    ['/ip6/2001:db8:1:2:ffff::6/tcp/7420', '2001:db8:1:2::/64'],
    ['/ip6/2001:db8::6/tcp/7420', '2001:db8:0:0::/64'],
    [`/ip4/192.0.2.9/tcp/7420/p2p/${peer}/p2p-circuit`, '192.0.2.9'],
  ])('%s is %s', (address, site) => {
    expect(siteAt(multiaddr(address))).toBe(site);
  });
});
