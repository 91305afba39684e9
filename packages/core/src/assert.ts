import { Fault } from './fault.ts';

/**
 * An invariant, checked in production too. A text that takes time to build is given as a function.
 * @throws Fault `Internal` when it does not hold.
 */
export function assert(condition: boolean, invariant: string | (() => string)): asserts condition {
  if (condition) return;
  const text = typeof invariant === 'string' ? invariant : invariant();
  throw new Fault('Internal', `invariant broken: ${text}`);
}

/** For the default of an exhaustive switch. @throws Fault `Internal` always. */
export function unreachable(value: never): never {
  throw new Fault('Internal', `unreachable case: ${JSON.stringify(value)}`);
}
