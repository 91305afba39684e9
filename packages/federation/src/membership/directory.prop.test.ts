import { clusterName, type MonotonicMs } from '@spillway/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { originCoordinate } from './coordinates.ts';
import { Directory, directoryPresets } from './directory.ts';
import { advertOf, memberOf } from '../testing/adverts.ts';

const version = fc.record({ epoch: fc.integer({ min: 1, max: 3 }), sequence: fc.nat(9) });
const advert = fc.tuple(fc.constantFrom('lyon', 'madrid', 'oslo'), version);

function versionsAfter(
  adverts: readonly (readonly [string, { epoch: number; sequence: number }])[],
) {
  const directory = new Directory({
    config: directoryPresets.edge,
    self: clusterName('paris'),
    coordinate: () => originCoordinate,
  });
  for (const [name, each] of adverts) {
    directory.receive(advertOf(name, { version: each }), memberOf(name), 0 as MonotonicMs);
  }
  const versions = directory
    .neighbours()
    .map((known) => [known.cluster, known.advert.version] as const);
  return new Map(versions.sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('adverts merge to the same whatever their order, and however often they come', () => {
  fc.assert(
    fc.property(fc.array(advert, { maxLength: 20 }), fc.array(fc.nat(1_000)), (adverts, keys) => {
      const shuffled = adverts
        .map((each, i) => ({ each, key: keys[i] ?? i }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each);
      expect(versionsAfter([...shuffled, ...adverts])).toEqual(versionsAfter(adverts));
    }),
  );
});
