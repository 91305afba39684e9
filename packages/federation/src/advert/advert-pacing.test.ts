import type { MonotonicMs } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { AdvertPacing, heardBytes } from './advert-pacing.ts';

const at = (ms: number): MonotonicMs => ms as MonotonicMs;
const config = { heartbeatMs: 5_000, ttlMs: 120_000, bytesPerSecond: 10_000 };
/** 4 copies of 610 + 190 bytes, and 3 · 3 ids of 46: 3,614 bytes for each agent. */
const payloadBytes = 610;

function pacing(clusters: number): AdvertPacing {
  const made = new AdvertPacing(config);
  made.share({ clusters, payloadBytes });
  return made;
}

function send(made: AdvertPacing, ms: number): void {
  expect(made.wakeAt(at(ms))).toBeLessThanOrEqual(ms);
  made.looked(at(ms), true);
}

describe('heardBytes', () => {
  test('counts copies, envelopes and ids', () => {
    expect(heardBytes(payloadBytes)).toBe(4 * (610 + 190) + 3 * 3 * 46);
  });
});

describe('AdvertPacing', () => {
  test('speaks at once when it starts, then with each heartbeat', () => {
    const made = pacing(5);
    send(made, 0);
    expect(made.wakeAt(at(1))).toBe(5_000);
    expect(made.mustSpeak(at(4_999))).toBe(false);
    expect(made.mustSpeak(at(5_000))).toBe(true);
    expect(made.ttlMs).toBe(120_000);
  });

  test('says a change 200 ms after the last advert at the soonest', () => {
    const made = pacing(5);
    send(made, 0);
    made.changed();
    expect(made.wakeAt(at(50))).toBe(200);
    made.looked(at(200), false);
    // It had not changed after all: the heartbeat is next.
    expect(made.wakeAt(at(200))).toBe(5_000);
  });

  test('greets once', () => {
    const made = pacing(5);
    send(made, 0);
    made.greet(at(400));
    expect(made.wakeAt(at(100))).toBe(400);
    expect(made.mustSpeak(at(400))).toBe(true);
    send(made, 400);
    expect(made.mustSpeak(at(401))).toBe(false);
  });

  test('keeps a thousand clusters within the budget, whatever changes', () => {
    const made = pacing(1_000);
    let sent = 0;
    for (let now = 0; now < 3_600_000; ) {
      made.changed();
      const wake = made.wakeAt(at(now));
      if (wake <= now) {
        made.looked(at(now), true);
        sent += 1;
      }
      now = Math.max(now + 100, wake);
    }
    // 10 kB/s for an hour are 36 MB; 1,000 clusters · 3,614 bytes a round: 9.96 rounds, and the first burst.
    const rounds = (3_600 * 10_000) / (1_000 * 3_614);
    expect(sent).toBeLessThanOrEqual(Math.ceil(rounds) + 20);
    expect(sent).toBeGreaterThan(rounds - 1);
  });

  test('has rarer heartbeats in a large federation, and asks to be believed for longer', () => {
    const made = pacing(1_000);
    // Half of its share is for heartbeats: 2 · 1,000 · 3,614 / 10,000 s.
    expect(made.heartbeatMs).toBeCloseTo(722_800);
    expect(made.ttlMs).toBe(3_600_000);
    expect(pacing(5).heartbeatMs).toBe(5_000);
  });
});
