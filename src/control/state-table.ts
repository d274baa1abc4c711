import { InvariantError } from "../bytes/errors.ts";

/** One cell of a state table: what to do, in order, and the state that follows. */
export interface Transition<State extends string, Action extends string> {
  readonly to: State;
  readonly actions: readonly Action[];
  /** Present where the RFC's table is silent: why this row is as it is. */
  readonly why?: string;
}

/** States by events; a pair that is absent cannot happen. */
export type StateTable<State extends string, Event extends string, Action extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, Transition<State, Action>>>>>
>;

/** The row for an event in a state. Throws InvariantError for a pair the table does not know: it never passes silently. */
export function transitionFor<State extends string, Event extends string, Action extends string>(
  table: StateTable<State, Event, Action>,
  state: State,
  event: Event,
): Transition<State, Action> {
  const row = table[state][event];
  if (row === undefined) throw new InvariantError(`look up a transition: no row for ${event} in ${state}`);
  return row;
}
