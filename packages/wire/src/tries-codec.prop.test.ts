import { type Pod, podUid, reservationId } from '@spillway/core';
import { negotiationBounds, type TryResult } from '@spillway/federation';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as proto from './gen/spillway/v1/negotiation.ts';
import { tryAnswer, tryRequest, updateRequest } from './negotiation-codec.ts';

const { commitPodsMax, droppedLengthMax, droppedMax } = negotiationBounds;
const pod: fc.Arbitrary<Pod> = fc.record({
  metadata: fc.record({
    name: fc.constantFrom('web', 'job-1'),
    namespace: fc.constant('shop'),
    uid: fc.uuid().map(podUid),
  }),
  spec: fc.record({ containers: fc.constant([{ name: 'c', image: 'i' }]) }),
});
const result: fc.Arbitrary<TryResult> = fc.oneof(
  fc.record({
    outcome: fc.constant('ok' as const),
    dropped: fc.array(fc.string({ maxLength: 40 }), { maxLength: 4 }),
  }),
  fc.record({
    outcome: fc.constant('refused' as const),
    verdict: fc.record({
      code: fc.constantFrom('Unschedulable' as const, 'UnschedulableAndUnresolvable' as const),
      reason: fc.string({ maxLength: 100 }),
      stage: fc.constant('HostAdmission'),
    }),
  }),
);

function sentAnswer(results: readonly TryResult[]): readonly TryResult[] {
  const bytes = proto.TryGuestsResponse.encode(tryAnswer.to(results)).finish();
  return tryAnswer.from(proto.TryGuestsResponse.decode(bytes));
}

test('changes of pods are read as they were written, in the order of their sequence', () => {
  const request = fc.record({
    homeEpoch: fc.nat(),
    sequence: fc.maxSafeNat(),
    pods: fc.array(pod, { minLength: 1, maxLength: 4 }),
  });
  fc.assert(
    fc.property(request, (written) => {
      const bytes = proto.UpdateGuestsRequest.encode(updateRequest.to(written)).finish();
      expect(updateRequest.from(proto.UpdateGuestsRequest.decode(bytes))).toEqual(written);
    }),
  );
});

describe('tries', () => {
  test('are read as they were written', () => {
    const request = fc.record({
      homeEpoch: fc.nat(),
      reservationId: fc.uuid().map(reservationId),
      pods: fc.array(pod, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(request, fc.array(result, { maxLength: 4 }), (written, results) => {
        const bytes = proto.TryGuestsRequest.encode(tryRequest.to(written)).finish();
        expect(tryRequest.from(proto.TryGuestsRequest.decode(bytes))).toEqual(written);
        expect(sentAnswer(results)).toEqual(results);
      }),
    );
  });

  test('an API server’s long words arrive, cut to what is accepted', () => {
    const long = 'x'.repeat(10_000);
    const verdict = { code: 'UnschedulableAndUnresolvable', reason: long, stage: 's' } as const;
    const dropped = Array.from({ length: 2 * droppedMax }, () => long);
    const [refused, ok] = sentAnswer([
      { outcome: 'refused', verdict },
      { outcome: 'ok', dropped },
    ]);
    expect(refused).toMatchObject({ outcome: 'refused', verdict: { stage: 's' } });
    const kept = Array.from({ length: droppedMax }, () => long.slice(0, droppedLengthMax));
    expect(ok).toEqual({ outcome: 'ok', dropped: kept });
  });

  test('of more pods than a commit has are refused', () => {
    const one = { metadata: { name: 'a', namespace: 'b', uid: 'c' }, spec: { containers: [{}] } };
    const podsJson = Array.from({ length: commitPodsMax + 1 }, () =>
      Buffer.from(JSON.stringify(one)),
    );
    const message = { homeEpoch: 1, reservationId: 'r', podsJson };
    expect(() => tryRequest.from(message)).toThrow(`at most ${commitPodsMax} items`);
  });
});
