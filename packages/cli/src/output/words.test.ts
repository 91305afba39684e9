import { afterEach, describe, expect, it, vi } from 'vitest';
import { pairs, table } from './table.ts';
import { age, bar, countsText, livenessText, roomText, rtt } from './words.ts';

describe('age', () => {
  it.each([
    [0, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [7_199_000, '119m'],
    [7_200_000, '2h'],
    [48 * 3_600_000, '2d'],
    [-5, '0s'],
  ])('%d ms is %s', (ms, text) => {
    expect(age(ms)).toBe(text);
  });
});

describe('livenessText', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('has no colour where nobody looks: also in CI, whose logs scripts read', () => {
    vi.stubEnv('FORCE_COLOR', undefined);
    vi.stubEnv('CI', 'true');
    expect(livenessText('alive')).toBe('alive');
  });
});

describe('countsText', () => {
  it('puts the most first, equal ones by name, and leaves out zeros', () => {
    expect(countsText({ b: 1, a: 1, c: 3, d: 0 })).toBe('c 3, a 1, b 1');
  });

  it('says none', () => {
    expect(countsText({ a: 0 })).toBe('none');
  });
});

describe('roomText', () => {
  it('has one size or another, and leaves out those without room', () => {
    expect(roomText({ '500m/512Mi': 4, '1/1Gi': 2, '2/4Gi': 0 })).toBe(
      '4 x 500m/512Mi or 2 x 1/1Gi',
    );
    expect(roomText({ '1/1Gi': 0 })).toBe('none');
  });
});

describe('rtt', () => {
  it.each([
    [8.53, true, '8.5ms'],
    [80.4, true, '80ms'],
    [12, false, '~12ms'],
  ])('%d ms, measured %s, is %s', (ms, measured, text) => {
    expect(rtt(ms, measured)).toBe(text);
  });
});

describe('bar', () => {
  it.each([
    [0, '░░░░'],
    [0.5, '██░░'],
    [7, '████'],
  ])('of %d', (share, text) => {
    expect(bar(share, 4)).toBe(text);
  });
});

describe('table', () => {
  it('aligns columns and leaves nothing at the end of lines', () => {
    const text = table(
      ['NAME', 'N'],
      [
        ['a', 1],
        ['longer', 22],
      ],
    );
    expect(text).toBe('NAME     N\na        1\nlonger   22');
  });

  it('pairs have no head', () => {
    expect(
      pairs([
        ['Name:', 'a'],
        ['Longer:', ''],
      ]),
    ).toBe('Name:     a\nLonger:');
  });

  const head = ['NAME', 'ONE', 'TWO', 'WHY'];
  const rows = [['lyon', 1, 22, 'has no node with room for this pod']];

  it('leaves nothing out where there is width enough, or no terminal', () => {
    const text = 'NAME   ONE   TWO   WHY\nlyon   1     22    has no node with room for this pod';
    expect(table(head, rows, { optional: ['ONE'], columns: 53 })).toBe(text);
    expect(table(head, rows, { optional: ['ONE'], columns: undefined })).toBe(text);
  });

  it('leaves out what matters least on a narrow terminal, and says so', () => {
    expect(table(head, rows, { optional: ['ONE', 'TWO'], columns: 50 })).toBe(
      'NAME   TWO   WHY\nlyon   22    has no node with room for this pod\nHidden columns (narrow terminal): ONE.',
    );
  });

  it('wraps the last column, and cuts nothing off', () => {
    expect(table(head, rows, { optional: ['ONE', 'TWO'], columns: 30 })).toBe(
      [
        'NAME   WHY',
        'lyon   has no node with room',
        '       for this pod',
        'Hidden columns (narrow terminal): ONE, TWO.',
      ].join('\n'),
    );
    expect(pairs([['Addresses:', '/ip4/192.0.2.1/tcp/7420 /ip4/192.0.2.2/tcp/7420']], 40)).toBe(
      'Addresses:   /ip4/192.0.2.1/tcp/7420\n             /ip4/192.0.2.2/tcp/7420',
    );
  });
});
