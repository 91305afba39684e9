import { clusterName, isFault, peerId, podUid, reservationId } from '@spillway/core';
import { type Advert, coordinateConfig, capacityBounds } from '@spillway/federation';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advertBounds, decodeAdvert, encodeAdvert } from './advert-codec.ts';
import { checkAnswerBytesMax, decodeCheckAnswer, encodeCheckAnswer } from './check-codec.ts';
import * as proto from './gen/spillway/v1/negotiation.ts';
import {
  certificateBytesMax,
  decodeCertificate,
  encodeCertificate,
  encodeClaims,
} from './membership-codec.ts';
import * as negotiation from './negotiation-codec.ts';
import {
  decodeRevocationList,
  encodeRevocationClaims,
  encodeRevocationList,
  type RevocationClaims,
  revocationBounds,
} from './revocation-codec.ts';

const safe = fc.maxSafeNat();
/** As a `Date` can say it. */
const timestamp = fc.integer({ min: 0, max: 8_640_000_000_000_000 });
const cluster = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/).map(clusterName);
const peer = fc.stringMatching(/^[A-Za-z0-9]{1,60}$/).map(peerId);
const uid = fc.uuid().map(podUid);
const namespace = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/);
const labels = fc.dictionary(fc.stringMatching(/^[a-z./]{1,20}$/), fc.string({ maxLength: 40 }), {
  maxKeys: 8,
  noNullPrototype: true,
});
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Coordinates travel as 32-bit floats, and −0 as 0. */
const float = (min: number, max: number) =>
  fc.float({ min, max, noNaN: true }).map((value) => value + 0);
const finite = float(-1e6, 1e6);
const amounts = fc.record({
  milliCpu: safe,
  memoryBytes: safe,
  ephemeralStorageBytes: safe,
  pods: fc.nat(1_000_000),
  extended: fc
    .dictionary(fc.stringMatching(/^[a-z./]{1,20}$/), safe, { maxKeys: 4 })
    .map((record) => new Map(Object.entries(record))),
});

const advert: fc.Arbitrary<Advert> = fc
  .record({
    cluster,
    peer,
    version: fc.record({ epoch: safe, sequence: safe }),
    ttlMs: fc.integer({ min: advertBounds.ttlMsMin, max: advertBounds.ttlMsMax }),
    addresses: fc.array(fc.string({ maxLength: 60 }), { maxLength: advertBounds.addressesMax }),
    coordinate: fc.record({
      vector: fc.array(finite, {
        minLength: coordinateConfig.dimensions,
        maxLength: coordinateConfig.dimensions,
      }),
      heightMs: float(0, 1e6),
      adjustmentMs: finite,
      error: float(0, coordinateConfig.errorMax),
    }),
    labels,
    accepting: fc.boolean(),
    guestsFree: fc.nat(1_000_000),
    classes: fc.array(
      fc.record({
        labels,
        taints: fc.array(
          fc.record({ key: fc.string({ maxLength: 20 }), effect: fc.constant('NoSchedule') }),
          { maxLength: 3 },
        ),
      }),
      { minLength: 1, maxLength: capacityBounds.nodeClassesMax },
    ),
    bins: fc.array(fc.record({ nodeClass: fc.nat(), nodes: fc.nat(1_000), free: amounts }), {
      maxLength: capacityBounds.binsMax,
    }),
    totals: fc.record({ allocatable: amounts, free: amounts }),
  })
  .map(({ classes, bins, ...rest }) => ({
    ...rest,
    freeCapacity: {
      classes,
      bins: bins.map((bin) => ({ ...bin, nodeClass: bin.nodeClass % classes.length })),
    },
  }));

const claims = fc.record({
  federationId: bytes(32),
  cluster,
  peer,
  attributes: labels,
  notBeforeMs: timestamp,
  expiresMs: timestamp,
  serial: bytes(16),
});

const spec = fc.record({
  containers: fc.array(fc.record({ name: namespace, image: fc.string() }), {
    minLength: 1,
    maxLength: 3,
  }),
});
const pod = fc.record({
  metadata: fc.record({ name: namespace, namespace, uid, labels }),
  spec,
});

/** Whatever is thrown on bad bytes must be a Fault that says so. */
function refuses(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(isFault(error, 'InvalidInput') || isFault(error, 'InvalidId')).toBe(true);
  }
}

describe('adverts', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(advert, bytes(40), (written, certificate) => {
        const read = decodeAdvert(encodeAdvert({ certificate, advert: written }));
        expect(read.advert).toEqual(written);
        expect(Uint8Array.from(read.certificate)).toEqual(certificate);
      }),
    );
  });

  test('of any bytes are read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (noise) => refuses(() => decodeAdvert(noise))),
    );
  });

  test('with a bit flipped, or cut short, are read or refused', () => {
    fc.assert(
      fc.property(advert, fc.nat(), fc.nat(7), fc.nat(), (written, at, bit, length) => {
        const good = encodeAdvert({ certificate: new Uint8Array(40), advert: written });
        const flipped = Uint8Array.from(good);
        const index = at % flipped.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
        refuses(() => decodeAdvert(flipped));
        refuses(() => decodeAdvert(good.subarray(0, length % good.length)));
      }),
    );
  });

  test('beyond their size are refused unread', () => {
    expect(() => decodeAdvert(new Uint8Array(advertBounds.bytesMax + 1))).toThrow(
      'at most 65536 bytes',
    );
  });

  test('with a bin of no known class are refused', () => {
    const [written] = fc.sample(advert, 1);
    if (written === undefined) throw new Error('no sample');
    const [bin] = fc.sample(amounts, 1).map((free) => ({ nodeClass: 99, nodes: 1, free }));
    const freeCapacity = { ...written.freeCapacity, bins: bin === undefined ? [] : [bin] };
    const bad = encodeAdvert({
      certificate: new Uint8Array(),
      advert: { ...written, freeCapacity },
    });
    expect(() => decodeAdvert(bad)).toThrow('nodeClass: expected a known class');
  });
});

describe('certificates', () => {
  test('are read as they were written, the signed bytes untouched', () => {
    fc.assert(
      fc.property(claims, bytes(64), (written, signature) => {
        const encoded = encodeClaims(written);
        const read = decodeCertificate(encodeCertificate(encoded, signature));
        expect(Uint8Array.from(read.claimsBytes)).toEqual(Uint8Array.from(encoded));
        expect(Uint8Array.from(read.signature)).toEqual(signature);
        const { federationId, serial, ...rest } = read.claims;
        const { federationId: id, serial: number, ...others } = written;
        expect(rest).toEqual(others);
        expect([...federationId, ...serial]).toEqual([...id, ...number]);
      }),
    );
  });

  test('of any bytes are read or refused, and beyond their size refused unread', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (noise) =>
        refuses(() => decodeCertificate(noise)),
      ),
    );
    expect(() => decodeCertificate(new Uint8Array(certificateBytesMax + 1))).toThrow('at most');
  });
});

describe('revocations', () => {
  const named = { serial: bytes(16), peer, cluster };
  const claims: fc.Arbitrary<RevocationClaims> = fc
    .constantFrom<(keyof typeof named)[]>(['serial'], ['peer'], ['cluster'], ['serial', 'peer'])
    .chain((keys) =>
      fc.record({
        federationId: bytes(32),
        revokedMs: timestamp,
        reason: fc.string({ maxLength: revocationBounds.reasonMax }),
        ...Object.fromEntries(keys.map((key) => [key, named[key] as fc.Arbitrary<unknown>])),
      }),
    );
  const lists = fc.array(fc.tuple(claims, bytes(64)), { maxLength: 8 });
  const encoded = (written: readonly (readonly [RevocationClaims, Uint8Array])[]) =>
    encodeRevocationList(
      written.map(([each, signature]) => ({
        claimsBytes: encodeRevocationClaims(each),
        signature,
      })),
    );
  const plain = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (_key, inner: unknown) =>
        inner instanceof Uint8Array ? [...inner] : inner,
      ),
    );

  test('are read as they were written, the signed bytes untouched', () => {
    fc.assert(
      fc.property(lists, (written) => {
        const read = decodeRevocationList(encoded(written));
        // A Buffer turns itself into JSON before a replacer sees it.
        const bare = read.map((each) => ({
          ...each.claims,
          federationId: Uint8Array.from(each.claims.federationId),
          ...(each.claims.serial && { serial: Uint8Array.from(each.claims.serial) }),
        }));
        expect(plain(bare)).toEqual(plain(written.map(([each]) => each)));
        for (const [i, each] of read.entries()) {
          const [from, signature] = written[i] ?? [];
          expect(from && [...encodeRevocationClaims(from)]).toEqual([...each.claimsBytes]);
          expect(signature && [...signature]).toEqual([...each.signature]);
        }
      }),
    );
  });

  test('of any bytes, cut short or with a bit flipped, are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (noise) =>
        refuses(() => decodeRevocationList(noise)),
      ),
    );
    fc.assert(
      fc.property(lists, fc.nat(), fc.nat(7), (written, at, bit) => {
        const flipped = Uint8Array.from(encoded(written));
        if (flipped.length === 0) return;
        refuses(() => decodeRevocationList(flipped.subarray(0, at % flipped.length)));
        const index = at % flipped.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
        refuses(() => decodeRevocationList(flipped));
      }),
    );
  });

  test('that name nobody, are too many or beyond their size are refused', () => {
    const { listBytesMax, revocationsMax } = revocationBounds;
    const nobody = { federationId: new Uint8Array(32), revokedMs: 1, reason: '' };
    const one = [nobody, new Uint8Array(64)] as const;
    expect(() => decodeRevocationList(encoded([one]))).toThrow('a serial, a peer or a cluster');
    const some = [{ ...nobody, serial: new Uint8Array(16) }, new Uint8Array(64)] as const;
    const many = Array.from({ length: revocationsMax + 1 }, () => some);
    expect(() => decodeRevocationList(encoded(many))).toThrow(`at most ${revocationsMax} items`);
    expect(() => decodeRevocationList(new Uint8Array(listBytesMax + 1))).toThrow('at most');
  });

  test('all with the longest words there are fit into one list', () => {
    const { listBytesMax, revocationsMax, reasonMax, serialBytesMax } = revocationBounds;
    const longest: RevocationClaims = {
      federationId: new Uint8Array(32),
      revokedMs: 8_640_000_000_000_000,
      reason: 'x'.repeat(reasonMax),
      serial: new Uint8Array(serialBytesMax),
      peer: peerId('1'.repeat(60)),
      cluster: clusterName('c'.repeat(40)),
    };
    const all = Array.from(
      { length: revocationsMax },
      () => [longest, new Uint8Array(64)] as const,
    );
    expect(encoded(all).length).toBeLessThanOrEqual(listBytesMax);
  });
});

describe('negotiation', () => {
  test('requests are read as they were written', () => {
    const reserve = fc.record({
      homeEpoch: safe,
      requestId: fc.string({ maxLength: 60 }),
      namespace,
      labels,
      spec,
      count: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(reserve, (written) => {
        const sent = proto.ReserveRequest.encode(negotiation.reserveRequest.to(written)).finish();
        expect(negotiation.reserveRequest.from(proto.ReserveRequest.decode(sent))).toEqual(written);
      }),
    );
    const commit = fc.record({
      homeEpoch: safe,
      reservationId: fc.uuid().map(reservationId),
      pods: fc.array(pod, { maxLength: 8 }),
    });
    fc.assert(
      fc.property(commit, (written) => {
        const sent = proto.CommitRequest.encode(negotiation.commitRequest.to(written)).finish();
        expect(negotiation.commitRequest.from(proto.CommitRequest.decode(sent))).toEqual(written);
      }),
    );
  });

  test('guest updates are read as they were written', () => {
    const update = fc.oneof(
      fc.constant({ kind: 'synced' as const }),
      fc.record({
        kind: fc.constant('status' as const),
        uid,
        namespace,
        name: namespace,
        status: fc.record({ phase: fc.constantFrom('Pending', 'Running') }),
        terminating: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('gone' as const),
        uid,
        reason: fc.string({ maxLength: 40 }),
        message: fc.string({ maxLength: 40 }),
        lastStatus: fc.record({ phase: fc.constant('Failed') }),
      }),
    );
    fc.assert(
      fc.property(update, (written) => {
        const sent = proto.GuestUpdate.encode(negotiation.guestUpdate.to(written)).finish();
        expect(negotiation.guestUpdate.from(proto.GuestUpdate.decode(sent))).toEqual(written);
      }),
    );
  });

  test.each([
    [
      'a namespace that is a path',
      { namespace: '../kube-system' },
      'namespace: expected an RFC 1123 label',
    ],
    ['no pods at all', { count: 0 }, 'count: expected 1 to'],
    ['more than may be asked', { count: 1_000_000 }, 'count: expected an integer from 0 to'],
    ['a spec that is no JSON', { specJson: Buffer.from('{') }, 'spec: expected JSON'],
    [
      'a spec without containers',
      { specJson: Buffer.from('{}') },
      'spec.containers: expected at least one',
    ],
    [
      'a container that is none',
      { specJson: Buffer.from('{"containers":[null]}') },
      'spec.containers: expected a list of objects',
    ],
  ])('a reservation with %s is refused', (_, change, problem) => {
    const good = negotiation.reserveRequest.to({
      homeEpoch: 1,
      requestId: 'r',
      namespace: 'shop',
      labels: {},
      spec: { containers: [{ name: 'main', image: 'web' }] },
      count: 1,
    });
    expect(() => negotiation.reserveRequest.from({ ...good, ...change })).toThrow(problem);
  });
});

describe('check', () => {
  const answer = fc.record({
    version: fc.string({ maxLength: 60 }),
    certificateLeftMs: fc.maxSafeInteger(),
    guests: fc.nat(1_000_000),
    dialled: fc.oneof(
      fc.record({ ok: fc.constant(true), rttMs: fc.nat(1_000_000).map((us) => us / 1_000) }),
      fc.record({ ok: fc.constant(false), problem: fc.string({ maxLength: 400 }) }),
    ) as fc.Arbitrary<Parameters<typeof encodeCheckAnswer>[0]['dialled']>,
  });

  test('comes back as it went', () => {
    fc.assert(
      fc.property(answer, (value) => {
        expect(decodeCheckAnswer(encodeCheckAnswer(value))).toEqual(value);
      }),
    );
  });

  test('refuses rubbish with a fault, and never with anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: checkAnswerBytesMax + 10 }), (bytes) => {
        try {
          decodeCheckAnswer(bytes);
        } catch (error) {
          expect(isFault(error, 'InvalidInput')).toBe(true);
        }
      }),
    );
  });
});
