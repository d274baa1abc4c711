import { counted } from "../bytes/counted.ts";
import {
  type BridgeValues,
  bridgeValuesIn,
  type PortState,
  portStates,
  portValuesIn,
} from "../os/bridge-attributes.ts";
import type { LinkState } from "../os/links.ts";
import type { LoopStatus } from "./bridge-loops.ts";
import type { StormStatus } from "./bridge-storms.ts";
import { macLimitText } from "./mac-limit-watch.ts";

/** A bridge of the file, or one that a circuit names. */
export interface BridgeStatus {
  readonly name: string;
  /** Whether we made it. */
  readonly made: boolean;
  /** Why it, or a port of it, is not as the file has it. */
  readonly problem?: string | undefined;
  /** Learnt MAC addresses, and the most that it learns, 0 for no limit; absent before Linux 6.7. */
  readonly learnt?: number | undefined;
  readonly limit?: number | undefined;
  readonly stp?: boolean | undefined;
  readonly vlanFiltering?: boolean | undefined;
  /** Absent where nobody watches for loops. */
  readonly loops?: LoopStatus | undefined;
  /** Loops, storms, and that no more addresses are learnt, in sentences; absent without any. */
  readonly notes?: readonly string[] | undefined;
  readonly ports: readonly BridgePortStatus[];
}

export interface BridgePortStatus {
  readonly device: string;
  readonly pseudowires: readonly string[];
  readonly state: PortState;
  readonly isolated: boolean;
  /** Absent without limits. */
  readonly storms?: StormStatus | undefined;
}

/** What is asked for a status. */
export interface BridgeStatusSources {
  /** The interfaces as they are now: what a bridge learnt comes without a notification. */
  readonly states: readonly LinkState[];
  isMade(state: LinkState): boolean;
  problem(bridge: string): string | undefined;
  pseudowiresOn(device: string): readonly string[];
  storms(port: LinkState): StormStatus | undefined;
  readonly loops?: LoopStatus | undefined;
}

/** A bridge as the kernel has it, with all its ports. */
export function bridgeStatus(name: string, sources: BridgeStatusSources): BridgeStatus {
  const state = sources.states.find((one) => one.name === name && one.kind === "bridge");
  const values = state === undefined ? {} : bridgeValuesIn(state);
  const ports = state === undefined ? [] : portsOf(state, sources);
  const notes = [...loopNotes(sources.loops), ...ports.flatMap(stormNotes), ...limitNotes(values)];
  return {
    name,
    made: state !== undefined && sources.isMade(state),
    problem: sources.problem(name),
    learnt: values.fdbLearned,
    limit: values.fdbMostLearned,
    stp: isSet(values.stpState),
    vlanFiltering: isSet(values.vlanFiltering),
    loops: sources.loops,
    ...(notes.length === 0 ? {} : { notes }),
    ports,
  };
}

function loopNotes({ loops = [], duplicates = [] }: Partial<LoopStatus> = {}): readonly string[] {
  return [
    ...loops.map(({ from, by, blocked }) => {
      const done = blocked === undefined ? "" : `, ${blocked} is blocked`;
      return `a loop: frames that leave by ${from} come back by ${by}${done}`;
    }),
    ...duplicates.map(
      ([one, other]) => `${one} and ${other} lead to the same bridge: frames come twice; remove one`,
    ),
  ];
}

function stormNotes({ device, storms }: BridgePortStatus): readonly string[] {
  return (storms?.current ?? []).map(({ reason, limit, frames, forMs }) => {
    const seconds = Math.max(1, Math.round(forMs / 1000));
    const dropped = `${counted(frames, "frame")} beyond ${limit} a second dropped in ${seconds} s`;
    return `a storm at port ${device}: ${dropped}: ${reason}`;
  });
}

function limitNotes({ fdbLearned = 0, fdbMostLearned = 0 }: BridgeValues): readonly string[] {
  if (fdbMostLearned === 0 || fdbLearned < fdbMostLearned) return [];
  return [macLimitText({ learnt: fdbLearned, limit: fdbMostLearned })];
}

function isSet(value: number | undefined): boolean | undefined {
  return value === undefined ? undefined : value !== 0;
}

function portsOf(
  bridge: LinkState,
  { states, pseudowiresOn, storms }: BridgeStatusSources,
): readonly BridgePortStatus[] {
  const ports = states.filter(({ master }) => master === bridge.index);
  return ports.map((port) => {
    const { state = 0, isolated = 0 } = portValuesIn(port);
    return {
      device: port.name,
      pseudowires: pseudowiresOn(port.name),
      state: portStates[state] ?? "disabled",
      isolated: isolated !== 0,
      storms: storms(port),
    };
  });
}
