/** Members of one federation on loopback, for tests. */
import {
  type Clock,
  clusterName,
  type ClusterName,
  type MonotonicMs,
  randomStream,
  type WallMs,
} from '@spillway/core';
import {
  type Advert,
  type NegotiationHandler,
  noAmounts,
  originCoordinate,
  refusedStream,
} from '@spillway/federation';
import { issueCertificate } from '../identity/certificate.ts';
import { newKey, peerIdOf, type PrivateKey } from '../identity/keys.ts';
import { type Revocation, Revocations } from '../identity/revocations.ts';
import { type Mesh, startMesh } from '../mesh.ts';
import type { Refusal } from '../refusals.ts';
import type { PodStreamBounds, PodStreamHandler } from '../pod-streams.ts';
import { relayDefaults, type RelayOptions } from '../relay/relay-options.ts';

export const clock: Clock = {
  monotonicMs: () => performance.now() as MonotonicMs,
  wallMs: () => Date.now() as WallMs,
};

const hourMs = 60 * 60 * 1000;

export interface TestMember {
  readonly mesh: Mesh;
  readonly key: PrivateKey;
  /** Every advert that was taken, in order. */
  readonly adverts: Advert[];
  readonly refusals: Refusal[];
  readonly rtts: Map<ClusterName, number>;
  /** Who was reached by another way than before, in order. */
  readonly moved: ClusterName[];
  readonly revocations: Revocations;
  /** What it was told of while it ran. */
  readonly learnt: Revocation[];
  readonly revokedMembers: Set<ClusterName>;
  /** Of itself, with a greater sequence each time. */
  publish(
    labels?: Readonly<Record<string, string>>,
    /** Not what the mesh says that they are. */
    addresses?: readonly string[],
  ): Promise<void>;
}

export interface MemberOptions {
  readonly root: PrivateKey;
  readonly name: string;
  readonly key?: PrivateKey;
  readonly bootstrap?: readonly string[];
  readonly handler?: Partial<NegotiationHandler>;
  readonly podStreams?: PodStreamHandler;
  readonly podStreamBounds?: PodStreamBounds;
  readonly expiresMs?: number;
  readonly connectionsSought?: number;
  readonly listen?: readonly string[];
  readonly announce?: readonly string[];
  readonly reachable?: boolean;
  readonly relay?: Partial<RelayOptions>;
  readonly onAdvert?: (advert: Advert) => void;
  /** Of its adverts; a later one's count for more, whatever their sequence. Default 1. */
  readonly epoch?: number;
  /** Its wall clock, against everyone else's. */
  readonly clockAheadMs?: number;
  readonly certificate?: Uint8Array;
  /** Known from the start. */
  readonly revoked?: readonly Uint8Array[];
}

export async function startMember(options: MemberOptions): Promise<TestMember> {
  const { root, name, bootstrap = [], handler = {}, expiresMs = Date.now() + hourMs } = options;
  const key = options.key ?? (await newKey());
  const adverts: Advert[] = [];
  const refusals: Refusal[] = [];
  const moved: ClusterName[] = [];
  const rtts = new Map<ClusterName, number>();
  const newest = new Map<ClusterName, Advert['version']>();
  const learnt: Revocation[] = [];
  const revokedMembers = new Set<ClusterName>();
  const revocations = new Revocations(root.publicKey);
  for (const list of options.revoked ?? []) await revocations.merge(list);
  const mesh = await startMesh({
    privateKey: key,
    certificate: options.certificate ?? (await certificateFor(root, { name, key, expiresMs })),
    revocations,
    onRevocations: (added) => learnt.push(...added),
    onRevokedMember: ({ cluster }) => revokedMembers.add(cluster),
    root: root.publicKey,
    listen: options.listen ?? ['/ip4/127.0.0.1/tcp/0'],
    announce: options.announce ?? [],
    reachable: options.reachable,
    relay: { ...relayDefaults, ...options.relay },
    bootstrap,
    handler: { ...refusing, ...handler },
    podStreams: {
      handler: options.podStreams ?? (async () => ({ head: refusedStream(404, 'no pods here') })),
      bounds: options.podStreamBounds ?? { perNeighbourMax: 8, hostedMax: 16 },
    },
    clock: { ...clock, wallMs: () => (clock.wallMs() + (options.clockAheadMs ?? 0)) as WallMs },
    random: randomStream(1, name),
    onAdvert(advert, from) {
      const { epoch, sequence } = newest.get(from.cluster) ?? { epoch: 0, sequence: 0 };
      const { version } = advert;
      if (version.epoch < epoch || (version.epoch === epoch && version.sequence <= sequence)) {
        return 'replayed';
      }
      newest.set(from.cluster, version);
      adverts.push(advert);
      options.onAdvert?.(advert);
      return 'accepted';
    },
    onPeer: () => {},
    onMoved: ({ cluster }) => moved.push(cluster),
    onAddresses: () => {},
    guestsOf: () => 3,
    connectionsSought: options.connectionsSought ?? 128,
    surveyNext: (may) =>
      adverts.map(({ cluster }) => cluster).find((cluster) => !rtts.has(cluster) && may(cluster)),
    onRtt: ({ cluster }, rttMs) => rtts.set(cluster, rttMs),
    onRefused: (refusal, first) => {
      if (first) refusals.push(refusal);
    },
  });
  let sequence = 0;
  return {
    mesh,
    key,
    adverts,
    refusals,
    rtts,
    moved,
    revocations,
    learnt,
    revokedMembers,
    async publish(labels = {}, addresses = mesh.addresses()) {
      sequence += 1;
      const advert = advertOf(mesh, { sequence, labels });
      const version = { ...advert.version, ...(options.epoch && { epoch: options.epoch }) };
      await mesh.publish({ ...advert, version, addresses });
    },
  };
}

export async function certificateFor(
  root: PrivateKey,
  {
    name,
    key,
    expiresMs = Date.now() + hourMs,
  }: { readonly name: string; readonly key: PrivateKey; readonly expiresMs?: number },
): Promise<Uint8Array> {
  return await issueCertificate(root, {
    cluster: clusterName(name),
    peer: peerIdOf(key.publicKey),
    attributes: { region: 'eu' },
    notBeforeMs: expiresMs - 2 * hourMs,
    expiresMs,
  });
}

export function advertOf(
  mesh: Mesh,
  { sequence, labels = {} }: { readonly sequence: number; readonly labels?: Advert['labels'] },
): Advert {
  return {
    cluster: mesh.member.cluster,
    peer: mesh.peer,
    version: { epoch: 1, sequence },
    ttlMs: 60_000,
    addresses: mesh.addresses(),
    coordinate: originCoordinate,
    labels,
    accepting: true,
    guestsFree: 1,
    freeCapacity: { classes: [], bins: [] },
    totals: { allocatable: noAmounts, free: noAmounts },
  };
}

const refusing: NegotiationHandler = {
  reserve: async () => ({ granted: 0, verdicts: [] }),
  tryGuests: async () => [],
  commit: async () => [],
  updateGuests: async () => [],
  release: async () => {},
  async *watchGuests() {
    yield { kind: 'synced' };
  },
};
