import { describe, expect, test } from 'vitest';
import { HandshakeTurns } from './handshake-turns.ts';

interface Caller {
  readonly name: string;
}

const bounds = { perSecondMax: 2 };

function waiting(entries: readonly (readonly [name: string, address: string])[]) {
  const turns = new HandshakeTurns<Caller>(0, bounds);
  const callers = entries.map(([name, address]) => {
    const caller = { name };
    turns.wait(caller, address);
    return caller;
  });
  return { turns, callers };
}

/** All whose turn it is at an instant, in order. */
function turnsAt(turns: HandshakeTurns<Caller>, nowMs: number): string[] {
  const names: string[] = [];
  for (let each = turns.next(nowMs); each !== undefined; each = turns.next(nowMs))
    names.push(each.name);
  return names;
}

describe('handshake turns', () => {
  test('come at once after a quiet second, and then at their rate', () => {
    const { turns } = waiting([
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'z'],
      ['d', 'w'],
    ]);
    expect(turnsAt(turns, 0)).toEqual(['a', 'b']);
    expect(turns.untilNextMs).toBe(500);
    expect(turnsAt(turns, 499)).toEqual([]);
    expect(turnsAt(turns, 500)).toEqual(['c']);
    expect(turnsAt(turns, 5_000)).toEqual(['d']);
    expect(turns.size).toBe(0);
  });

  test('are not saved up beyond a second', () => {
    const { turns } = waiting(['a', 'b', 'c', 'd'].map((name) => [name, name] as const));
    expect(turnsAt(turns, 60_000)).toHaveLength(2);
  });

  test('go round the addresses, however many wait at one', () => {
    const { turns } = waiting([
      ['flood 1', 'site'],
      ['flood 2', 'site'],
      ['flood 3', 'site'],
      ['other', 'elsewhere'],
    ]);
    expect(turnsAt(turns, 0)).toEqual(['flood 3', 'other']);
    expect(turnsAt(turns, 1_000)).toEqual(['flood 2', 'flood 1']);
  });

  test('pass over who has left', () => {
    const { turns, callers } = waiting([
      ['a', 'x'],
      ['b', 'x'],
    ]);
    turns.leave(callers[1]!);
    turns.leave(callers[1]!);
    expect(turnsAt(turns, 0)).toEqual(['a']);
  });
});
