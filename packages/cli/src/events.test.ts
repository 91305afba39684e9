import { expect, test } from 'vitest';
import { inOrder } from './events.ts';

test('events are shown by time, and within one second in the order in which they were written', () => {
  const event = (reason: string, resourceVersion: string, lastTimestamp: string) => ({
    metadata: { resourceVersion },
    reason,
    lastTimestamp,
  });
  const listed = [
    event('GuestLost', '1200', '2026-01-01T00:00:09Z'),
    event('Offloaded', '1001', '2026-01-01T00:00:05Z'),
    event('Scheduled', '999', '2026-01-01T00:00:05Z'),
    event('FailedScheduling', '998', '2026-01-01T00:00:01Z'),
  ];
  const shown = ['FailedScheduling', 'Scheduled', 'Offloaded', 'GuestLost'];
  expect(inOrder(listed).map(({ reason }) => reason)).toEqual(shown);
  expect(inOrder(listed.toReversed()).map(({ reason }) => reason)).toEqual(shown);
});
