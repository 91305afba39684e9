import type { MonotonicMs } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { DecisionLog, linesAtOnceMax, linesPerSecond } from './decision-log.ts';

function logging() {
  let now = 0;
  const lines: (readonly [object, string])[] = [];
  const log = new DecisionLog({
    log: { info: (fields: object, message: string) => void lines.push([fields, message]) } as never,
    clock: { monotonicMs: () => now as MonotonicMs },
  });
  return { log, lines, wait: (ms: number) => (now += ms) };
}

describe('DecisionLog', () => {
  it('says each decision in one line with its fields', () => {
    const { log, lines } = logging();
    log.say('offloaded', { pod: 'shop/web', host: 'lyon' });
    expect(lines).toEqual([
      [{ decision: 'offloaded', pod: 'shop/web', host: 'lyon' }, 'pod runs at a neighbour'],
    ]);
  });

  it('leaves out what a burst says beyond its bound, and counts it on the next line', () => {
    const { log, lines, wait } = logging();
    const burst = linesAtOnceMax + 7;
    for (let i = 0; i < burst; i++) log.say('offloaded', { pod: `shop/web-${i}` });
    expect(lines).toHaveLength(linesAtOnceMax);
    log.say('guestLost', { pod: 'shop/db' });
    expect(lines).toHaveLength(linesAtOnceMax + 1);
    wait(1_000 / linesPerSecond);
    log.say('offloaded', { pod: 'shop/last' });
    log.say('offloaded', { pod: 'shop/beyond' });
    expect(lines.slice(linesAtOnceMax + 1)).toEqual([
      [{ decision: 'offloaded', pod: 'shop/last', leftOut: 7 }, 'pod runs at a neighbour'],
    ]);
  });

  it('lets a kind that was quiet for long say no more at once than any other', () => {
    const { log, lines, wait } = logging();
    log.say('waits', {});
    wait(3_600_000);
    for (let i = 0; i < 100; i++) log.say('waits', {});
    expect(lines).toHaveLength(1 + linesAtOnceMax);
  });
});
