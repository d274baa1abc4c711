import { InvariantError } from "../bytes/errors.ts";

/** An event of a state machine with its data, from an interface that names the data of each kind. */
export type EventOf<Events, Kind extends keyof Events = keyof Events> = {
  [K in Kind]: { readonly kind: K } & Events[K];
}[Kind];

/** Data of an event that has none. */
export type NoData = unknown;

/** Data of an event that only has a reason, as text for people. */
export interface Why {
  readonly why: string;
}

/** One transition of a state table: the actions, in order, and the next state. */
export interface Transition<State, Action> {
  readonly to: State;
  readonly actions: readonly Action[];
  /** Reason for a transition that the RFC's table does not have. */
  readonly why?: string;
}

/** Actions whose code takes this event. */
type ActionFor<Event, Inputs> = {
  [Action in keyof Inputs]: Event extends Inputs[Action] ? Action : never;
}[keyof Inputs];

/**
 * Transitions by state and event; an absent pair cannot happen. `Inputs` names for each action the events
 * whose data it takes: a transition with an action that does not take its event does not compile.
 */
export type StateTable<State extends string, Events, Inputs> = {
  readonly [S in State]: {
    readonly [Kind in keyof Events]?: Transition<State, ActionFor<EventOf<Events, Kind>, Inputs>>;
  };
};

/** Events that no state of a table has a row for, and rows for what is no event. */
type Mismatch<Table, Events> =
  | Exclude<keyof Events, { [S in keyof Table]: keyof Table[S] }[keyof Table]>
  | Exclude<{ [S in keyof Table]: keyof Table[S] }[keyof Table], keyof Events>;

/**
 * A state table that has a row for every event in some state: an event without any does not compile, for it
 * could only be our own mistake to apply it.
 */
export function tableOf<State extends string, Events, Inputs>() {
  return <Rows extends StateTable<State, Events, Inputs>>(
    rows: Rows & ([Mismatch<Rows, Events>] extends [never] ? unknown : Mismatch<Rows, Events>),
  ): StateTable<State, Events, Inputs> => rows;
}

/** A state table whose names are not known: for those who print or walk one. */
export type AnyStateTable = Readonly<
  Record<string, Readonly<Record<string, Transition<string, string> | undefined>>>
>;

/** Code of all actions of a state machine. */
export type Actions<Inputs> = { readonly [Action in keyof Inputs]: (event: Inputs[Action]) => void };

/**
 * The transition for an event in a state. Throws InvariantError for a pair that the table does not have.
 */
export function transitionFor<State extends string, Events, Inputs, Kind extends keyof Events & string>(
  table: StateTable<State, Events, Inputs>,
  state: State,
  kind: Kind,
): Transition<State, keyof Inputs> {
  const transition = table[state][kind];
  if (transition === undefined)
    throw new InvariantError(`look up a transition: no row for ${kind} in ${state}`);
  return transition;
}

/** Performs the actions of a transition, in order, with the event that caused it. */
export function performActions<Inputs>(
  actions: Actions<Inputs>,
  transition: Transition<string, keyof Inputs>,
  event: { readonly kind: string },
): void {
  // The table's type admits an action only where it takes the event.
  for (const action of transition.actions) (actions[action] as (event: unknown) => void)(event);
}
