import { clusterName, type MonotonicMs } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { originCoordinate } from './coordinates.ts';
import { checkedDirectoryConfig, Directory, directoryPresets } from './directory.ts';
import { advertOf, memberOf } from '../testing/adverts.ts';

const config = directoryPresets.lan;
const lyon = clusterName('lyon');
const at = (ms: number): MonotonicMs => ms as MonotonicMs;

function directory(changes: Partial<typeof config> = {}): Directory {
  return new Directory({
    config: { ...config, ...changes },
    self: clusterName('paris'),
    coordinate: () => originCoordinate,
  });
}

function hear(known: Directory, sequence: number, ms: number, epoch = 1) {
  const advert = advertOf('lyon', { version: { epoch, sequence }, ttlMs: config.ttlMs });
  return known.receive(advert, memberOf('lyon'), at(ms));
}

function liveness(known: Directory, ms: number): string | undefined {
  known.tick(at(ms));
  return known.neighbour(lyon)?.liveness;
}

describe('directory › adverts', () => {
  it('takes a newer one, by epoch and then by sequence', () => {
    const known = directory();
    expect(hear(known, 5, 0)).toBe('accepted');
    expect(hear(known, 6, 1)).toBe('accepted');
    expect(hear(known, 1, 2, 2)).toBe('accepted');
    expect(known.neighbour(lyon)?.advert.version).toEqual({ epoch: 2, sequence: 1 });
  });

  it.each([
    ['the same again', 1, 5],
    ['an older one', 1, 4],
    ['one of an agent that has been replaced', 0, 900],
  ])('changes nothing for %s', (_, epoch, sequence) => {
    const known = directory();
    hear(known, 5, 0);
    const before = known.neighbour(lyon);
    expect(hear(known, sequence, 10, epoch)).toBe('replayed');
    expect(known.neighbour(lyon)).toEqual(before);
  });

  it('an old one sent again revives nobody', () => {
    const known = directory();
    hear(known, 5, 0);
    expect(liveness(known, 20_001)).toBe('gone');
    expect(hear(known, 5, 20_002)).toBe('replayed');
    expect(liveness(known, 20_003)).toBe('gone');
  });

  it('believes nobody who speaks of another, or of us', () => {
    const known = directory();
    expect(known.receive(advertOf('lyon'), memberOf('madrid'), at(0))).toBe('mismatch');
    expect(known.receive(advertOf('paris'), memberOf('paris'), at(0))).toBe('mismatch');
    expect(known.neighbours()).toEqual([]);
  });

  it('knows a maximum number of neighbours', () => {
    const known = directory({ neighboursMax: 1 });
    hear(known, 1, 0);
    expect(known.receive(advertOf('madrid'), memberOf('madrid'), at(0))).toBe('full');
    expect(hear(known, 2, 1)).toBe('accepted');
  });
});

/** Preset lan: suspect after 5 s of silence, gone after 15 s more, alive again after 2 s of proof. */
describe('directory › surveyNext', () => {
  it('names the nearest by prediction of those never measured, then the one measured longest ago', () => {
    const known = directory();
    // From the origin, 3 + 0.01 and 4 + 0.01 ms of heights and distance.
    for (const [name, ms] of [
      ['rome', 4],
      ['lyon', 3],
    ] as const) {
      const vector = [ms, 0, 0, 0, 0, 0, 0, 0];
      const advert = advertOf(name, { coordinate: { ...originCoordinate, vector } });
      known.receive(advert, memberOf(name), at(0));
    }
    const anybody = (): boolean => true;
    expect(known.surveyNext(anybody)).toBe('lyon');
    expect(known.surveyNext((cluster) => cluster !== lyon)).toBe('rome');
    known.rttSample(lyon, 30, at(1));
    expect(known.surveyNext(anybody)).toBe('rome');
    known.rttSample(clusterName('rome'), 40, at(2));
    expect(known.surveyNext(anybody)).toBe('lyon');
    known.rttSample(lyon, 31, at(3));
    expect(known.surveyNext(anybody)).toBe('rome');
    expect(known.surveyNext(() => false)).toBeUndefined();
  });

  it('names nobody who may be gone', () => {
    const known = directory();
    hear(known, 1, 0);
    known.tick(at(5_001));
    expect(known.surveyNext(() => true)).toBeUndefined();
  });
});

describe('directory › liveness', () => {
  it('is patient with a neighbour that says it speaks more rarely', () => {
    // Three times the time to live: suspect after 3 · 5 s, gone after 3 · (5 + 15) s.
    const known = directory();
    const advert = advertOf('lyon', { ttlMs: 3 * config.ttlMs });
    known.receive(advert, memberOf('lyon'), at(0));
    expect(liveness(known, 15_000)).toBe('alive');
    expect(liveness(known, 15_001)).toBe('suspect');
    expect(liveness(known, 60_000)).toBe('suspect');
    expect(liveness(known, 60_001)).toBe('gone');
  });

  it('a lost message changes nothing', () => {
    const known = directory();
    hear(known, 1, 0);
    // The heartbeats at 1 s, 2 s and 3 s are lost.
    expect(liveness(known, 3_999)).toBe('alive');
    hear(known, 5, 4_000);
    expect(liveness(known, 8_999)).toBe('alive');
  });

  it('goes from alive through suspect to gone, and says so once', () => {
    const known = directory();
    hear(known, 1, 0);
    expect(known.tick(at(5_000))).toEqual([]);
    expect(known.tick(at(5_001))).toEqual([{ cluster: lyon, from: 'alive', to: 'suspect' }]);
    expect(known.tick(at(20_000))).toEqual([]);
    expect(known.tick(at(20_001))).toEqual([{ cluster: lyon, from: 'suspect', to: 'gone' }]);
    expect(known.tick(at(99_000))).toEqual([]);
  });

  it('a suspect is alive again only after lasting proof', () => {
    const known = directory();
    hear(known, 1, 0);
    expect(liveness(known, 6_000)).toBe('suspect');
    hear(known, 2, 7_000);
    expect(liveness(known, 7_001)).toBe('suspect');
    hear(known, 3, 8_000);
    expect(liveness(known, 8_999)).toBe('suspect');
    hear(known, 4, 9_000);
    expect(liveness(known, 9_001)).toBe('alive');
  });

  it('one word from a link that flaps does not make a gone neighbour alive', () => {
    const known = directory();
    hear(known, 1, 0);
    expect(liveness(known, 20_001)).toBe('gone');
    hear(known, 2, 30_000);
    expect(liveness(known, 30_100)).toBe('gone');
    // Silence again: proof must last.
    expect(liveness(known, 34_000)).toBe('gone');
  });

  it.each(['an answered call', 'a ping'])('%s is proof of life too', (proof) => {
    const known = directory();
    hear(known, 1, 0);
    if (proof === 'a ping') known.rttSample(lyon, 12, at(4_900));
    else known.heardFrom(lyon, at(4_900));
    expect(liveness(known, 9_900)).toBe('alive');
    expect(liveness(known, 9_901)).toBe('suspect');
  });
});

describe('directory › RTT', () => {
  it('is predicted until it is measured, then the least of the last five', () => {
    const known = directory();
    const coordinate = { ...originCoordinate, vector: [30, 40, 0, 0, 0, 0, 0, 0] };
    known.receive(advertOf('lyon', { coordinate }), memberOf('lyon'), at(0));
    // √(30² + 40²) and twice the least height of 0.01.
    expect(known.neighbour(lyon)?.rttMs).toBeCloseTo(50.02, 9);
    expect(known.neighbour(lyon)?.rttMeasured).toBe(false);
    known.rttSample(lyon, 20, at(1));
    expect(known.neighbour(lyon)).toMatchObject({ rttMs: 20, rttMeasured: true });
    for (const rttMs of [40, 45, 41, 44]) known.rttSample(lyon, rttMs, at(2));
    expect(known.neighbour(lyon)?.rttMs).toBe(20);
    known.rttSample(lyon, 43, at(3));
    expect(known.neighbour(lyon)?.rttMs).toBe(40);
    // What was measured long ago says nothing of now.
    known.rttSample(lyon, 70, at(100_000));
    expect(known.neighbour(lyon)?.rttMs).toBe(70);
  });

  it('takes no nonsense', () => {
    const known = directory();
    hear(known, 1, 0);
    known.rttSample(lyon, Number.NaN, at(1));
    known.rttSample(lyon, -1, at(1));
    expect(known.neighbour(lyon)?.rttMeasured).toBe(false);
  });
});

describe('directory › configuration', () => {
  it.each([
    [{ suspectMs: 2_999 }, 'suspectMs must be at least 3 heartbeatMs'],
    [{ ttlMs: 19_999 }, 'ttlMs must be at least suspectMs + goneMs'],
    [{ recoverMs: 999 }, 'recoverMs must be at least heartbeatMs'],
  ])('refuses %j', (change, problem) => {
    expect(() => checkedDirectoryConfig({ ...config, ...change })).toThrow(problem);
  });
});

describe('directory › forgetting', () => {
  it('makes a neighbour one that never was, until it is heard again', () => {
    const known = directory();
    hear(known, 5, 0);
    expect(known.neighbours()).toHaveLength(1);
    expect(known.forget(lyon)).toBe(true);
    expect(known.neighbours()).toEqual([]);
    expect(hear(known, 1, 1)).toBe('accepted');
  });
});
