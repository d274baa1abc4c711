import { InvariantError } from "../bytes/errors.ts";

/** One transition of a state table: the actions, in order, and the next state. */
export interface Transition<State extends string, Action extends string> {
  readonly to: State;
  readonly actions: readonly Action[];
  /** Reason for a transition that the RFC's table does not have. */
  readonly why?: string;
}

/** Transitions by state and event; an absent pair cannot happen. */
export type StateTable<State extends string, Event extends string, Action extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, Transition<State, Action>>>>>
>;

/** The transition for an event in a state. Throws InvariantError for a pair that the table does not have. */
export function transitionFor<State extends string, Event extends string, Action extends string>(
  table: StateTable<State, Event, Action>,
  state: State,
  event: Event,
): Transition<State, Action> {
  const row = table[state][event];
  if (row === undefined) throw new InvariantError(`look up a transition: no row for ${event} in ${state}`);
  return row;
}
