import { describe, expect, it } from 'vitest';
import { endingOf } from './ending.ts';
import { Fault } from './fault.ts';

const quiet = { debug: false };

describe('endingOf', () => {
  it.each([
    ['InvalidInput', 2],
    ['InvalidConfig', 2],
    ['InvalidQuantity', 2],
    ['InvalidId', 2],
    ['Unavailable', 1],
    ['Internal', 1],
  ] as const)('a fault %s ends with %d and its message alone', (code, exitCode) => {
    expect(endingOf(new Fault(code, 'so it is'), quiet)).toEqual({
      text: 'error: so it is',
      exitCode,
    });
  });

  it('leaves to commander what it has printed, and its help is no error', () => {
    const usage = Object.assign(new Error('x'), { code: 'commander.unknownOption', exitCode: 1 });
    const help = Object.assign(new Error('x'), { code: 'commander.helpDisplayed', exitCode: 0 });
    expect(endingOf(usage, quiet)).toEqual({ text: '', exitCode: 2 });
    expect(endingOf(help, quiet)).toEqual({ text: '', exitCode: 0 });
  });

  it('shows no stack trace of anything, unless it is asked for', () => {
    const bug = new TypeError('x is not a function');
    const { text, exitCode } = endingOf(bug, quiet);
    expect([text.split('\n')[0], exitCode]).toEqual(['error: x is not a function', 1]);
    expect(text).not.toContain('    at ');
    expect(text).toContain('SPILLWAY_DEBUG=1');
    expect(endingOf(bug, { debug: true }).text).toContain('    at ');
  });

  it('tells what the system refuses in its words', () => {
    const refused = Object.assign(new Error('EACCES: permission denied, open'), {
      syscall: 'open',
    });
    expect(endingOf(refused, quiet).text).toBe('error: EACCES: permission denied, open');
    expect(endingOf('plain', quiet).text).toBe('error: plain');
  });
});
