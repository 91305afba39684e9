/**
 * A state machine as a table. The table is the whole machine: an event that it does not list for a state
 * breaks an invariant.
 */
import { assert } from '@spillway/core';

/** For each state: the events that it takes, and the state to which each leads. */
export type Table<State extends string, Event extends string> = {
  readonly [From in State]: { readonly [On in Event]?: State };
};

/** @throws Fault `Internal` when `from` does not take `event`; `subject` names whose state it is. */
export function nextState<State extends string, Event extends string>(
  table: Table<State, Event>,
  step: { readonly from: State; readonly event: Event; readonly subject: () => string },
): State {
  const { from, event, subject } = step;
  const to = table[from][event];
  assert(to !== undefined, () => `${subject()}: state ${from} does not take event ${event}`);
  return to;
}
