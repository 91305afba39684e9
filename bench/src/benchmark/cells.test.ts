import { describe, expect, test } from 'vitest';
import { loadsOf, sourceOf } from './cells.ts';

describe('loadsOf', () => {
  test('reads one, several, and a range in tenths', () => {
    expect(loadsOf('0.9')).toEqual([0.9]);
    expect(loadsOf('0.5,0.95')).toEqual([0.5, 0.95]);
    expect(loadsOf('0.5..0.8')).toEqual([0.5, 0.6, 0.7, 0.8]);
  });

  test.each(['much', '0', '0.9..0.5', '3'])('refuses %s', (text) => {
    expect(() => loadsOf(text)).toThrow(/--load .*expected 0\.9/);
  });
});

describe('sourceOf', () => {
  test('a trace needs its files', () => {
    expect(() => sourceOf('trace', {}, () => {})).toThrow(/needs --trace DIR.* or --pods FILE/);
  });

  test.each(['trace', 'pods', 'nodes'])('--%s of another scenario is a mistake', (option) => {
    expect(() => sourceOf('mck8s', { [option]: 'x' }, () => {})).toThrow(
      `--${option} is for the scenario trace, and this is mck8s`,
    );
  });
});
