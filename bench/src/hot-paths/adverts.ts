/** What an advert costs who hears it: decoding, and merging it into a directory of 1,000 clusters. */
import { clusterName, type MonotonicMs, type PeerId } from '@spillway/core';
import {
  type Advert,
  Directory,
  directoryPresets,
  originCoordinate,
  freeCapacityOf,
  capacityTotals,
} from '@spillway/federation';
import { issueCertificate, newKey, peerIdOf } from '@spillway/mesh';
import { decodeAdvert, encodeAdvert } from '@spillway/wire';
import { bigCluster } from './big-cluster.ts';
import { assertBenchmarked, type HotPath } from './hot-path.ts';

const clusters = 1_000;
const key = await newKey();
export const peer = peerIdOf(key.publicKey);
const certificate = await issueCertificate(key, {
  cluster: clusterName('cluster-0'),
  peer,
  attributes: { region: 'eu', zone: 'eu-1' },
  notBeforeMs: 0,
  expiresMs: 4e12,
});

export function advertOf(i: number, sequence: number, of: PeerId = peer): Advert {
  const snapshot = bigCluster();
  totals ??= capacityTotals(snapshot);
  freeCapacity ??= freeCapacityOf(snapshot);
  return {
    cluster: clusterName(`cluster-${i}`),
    peer: of,
    version: { epoch: 1, sequence },
    ttlMs: 60_000,
    addresses: [`/ip4/10.0.0.1/tcp/7420`],
    coordinate: originCoordinate,
    labels: { tier: 'edge' },
    accepting: true,
    guestsFree: 1_000,
    freeCapacity,
    totals,
  };
}

let freeCapacity: Advert['freeCapacity'] | undefined;
let totals: Advert['totals'] | undefined;

export const advertMerge: HotPath = {
  name: 'advert merge',
  what: 'a newer advert of one of 1,000 clusters',
  baseline: 'the list of neighbours copied with it',
  perCall: { ours: 1, baseline: 1 },
  prepare() {
    const directory = new Directory({
      config: directoryPresets.edge,
      self: clusterName('self'),
      coordinate: () => originCoordinate,
    });
    const now = 0 as MonotonicMs;
    const adverts = Array.from({ length: clusters }, (_, i) => advertOf(i, 0));
    let sequence = 0;
    const newer = (): Advert => {
      const i = sequence++ % clusters;
      const { version, ...rest } = adverts[i] ?? advertOf(i, 0);
      return { ...rest, version: { ...version, sequence } };
    };
    const ours = () => {
      const advert = newer();
      return directory.receive(advert, { cluster: advert.cluster, peer, attributes: {} }, now);
    };
    let list = adverts;
    const baseline = () => {
      const advert = newer();
      list = list.map((each) => (each.cluster === advert.cluster ? advert : each));
      return list;
    };
    for (let i = 0; i < clusters; i++) assertBenchmarked(ours() === 'accepted', 'it is accepted');
    assertBenchmarked(directory.neighbours().length === clusters, 'all are known');
    assertBenchmarked(baseline().length === clusters, 'the list is whole');
    return { ours, baseline };
  },
};

export const advertDecode: HotPath = {
  name: 'advert decode',
  what: 'an advert of a cluster of 5,000 nodes, checked field by field',
  baseline: 'JSON.parse of the same, nothing checked',
  perCall: { ours: 1, baseline: 1 },
  prepare() {
    const advert = advertOf(0, 1);
    const bytes = encodeAdvert({ certificate, advert });
    const text = Buffer.from(json(advert));
    const ours = () => decodeAdvert(bytes);
    assertBenchmarked(
      ours().advert.freeCapacity.bins.length === advert.freeCapacity.bins.length,
      'it is whole',
    );
    return { ours, baseline: () => JSON.parse(text.toString()) as unknown };
  },
};

export const advertEncode: HotPath = {
  name: 'advert encode',
  what: 'an advert of a cluster of 5,000 nodes',
  baseline: 'JSON.stringify of the same',
  perCall: { ours: 1, baseline: 1 },
  prepare() {
    const advert = advertOf(0, 1);
    const ours = () => encodeAdvert({ certificate, advert });
    assertBenchmarked(decodeAdvert(ours()).advert.cluster === advert.cluster, 'it can be read');
    return { ours, baseline: () => Buffer.from(json(advert)) };
  },
};

function json(advert: Advert): string {
  return JSON.stringify({ certificate: Buffer.from(certificate).toString('base64'), advert });
}
