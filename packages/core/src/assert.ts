import { Fault } from './fault.ts';

/** An invariant, checked in production too. @throws Fault `Internal` when it does not hold. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Fault('Internal', `invariant broken: ${invariant}`);
}

/** For the default of an exhaustive switch. @throws Fault `Internal` always. */
export function unreachable(value: never): never {
  throw new Fault('Internal', `unreachable case: ${JSON.stringify(value)}`);
}
