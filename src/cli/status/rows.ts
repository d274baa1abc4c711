import { shortDuration } from "../../bytes/duration.ts";
import { hexId } from "../../bytes/hex.ts";
import { shortCount } from "../../bytes/quantities.ts";
import {
  ADMIN_DOWN,
  type ControlConnectionStatus,
  DISABLED,
  type PseudowireStatus,
} from "../../daemon/status.ts";
import { sumOfDiscards } from "../../forwarding/counters-table.ts";
import { colours } from "../colours.ts";
import type { TableColumn } from "../text-layout.ts";

/** A tunnel or a pseudowire as a line of a table. */
export interface StatusRow {
  readonly kind: "tunnel" | "pseudowire";
  readonly name: string;
  readonly state: ShownState;
  /** For how long it is in this state, in ms; absent where that is not known. */
  readonly forMs?: number | undefined;
  /** The peer or the circuit; of several texts the one that fits. */
  readonly where: readonly string[];
  readonly receivedFrames?: number;
  readonly transmittedFrames?: number;
  readonly discards?: number;
  readonly plane?: string | undefined;
  readonly sessionIds?: string;
}

/** TABLE: what a tunnel or pseudowire is, for people: the mark of its line, its word, and the colour. */
export const shownStates = {
  up: { mark: "+", word: "up", paint: colours.green },
  static: { mark: "+", word: "static", paint: colours.green },
  attention: { mark: "!", word: "up", paint: colours.yellow },
  standby: { mark: "=", word: "standby", paint: colours.cyan },
  waiting: { mark: "-", word: "waiting", paint: colours.red },
  down: { mark: "-", word: "down", paint: colours.red },
  off: { mark: "x", word: "off", paint: colours.yellow },
  disabled: { mark: "x", word: "disabled", paint: colours.yellow },
} as const;

export type ShownState = keyof typeof shownStates;

/** What a tunnel is. */
export function tunnelState({ state, whyNot, notes = [] }: ControlConnectionStatus): ShownState {
  if (state === ADMIN_DOWN) return "off";
  if (state === DISABLED) return "disabled";
  if (state === "waiting") return "waiting";
  if (whyNot !== undefined) return "down";
  if (state !== "established" && state !== "static") return "down";
  if (notes.length > 0) return "attention";
  return state === "static" ? "static" : "up";
}

/** What a pseudowire is. */
export function pseudowireState(pseudowire: PseudowireStatus): ShownState {
  const { state, whyNot, notes = [], forwarder, remoteCircuit } = pseudowire;
  if (state === ADMIN_DOWN) return "off";
  if (state === DISABLED) return "disabled";
  const isStandby = forwarder?.standby === true || remoteCircuit?.includes("standby") === true;
  if (whyNot !== undefined) return state === "established" && isStandby ? "standby" : "down";
  return notes.length > 0 ? "attention" : "up";
}

/** A tunnel as a row. */
export function tunnelRow(connection: ControlConnectionStatus): StatusRow {
  const { tunnel: name, establishedForMs, downForMs, remote, remoteName, peerHostName } = connection;
  const called = peerHostName ?? remoteName?.name;
  const where = called === undefined || called === remote ? [remote] : [`${called} ${remote}`, called];
  return {
    ...{ kind: "tunnel", name, where, state: tunnelState(connection) },
    forMs: downForMs ?? establishedForMs,
  };
}

/** A pseudowire as a row. */
export function pseudowireRow(pseudowire: PseudowireStatus): StatusRow {
  const { name, circuit, establishedForMs, downForMs, receivedFrames, transmittedFrames } = pseudowire;
  const { discards, plane, localSessionId, remoteSessionId } = pseudowire;
  return {
    ...{ kind: "pseudowire", name, where: [circuit], state: pseudowireState(pseudowire) },
    forMs: downForMs ?? establishedForMs,
    ...{ receivedFrames, transmittedFrames, discards: sumOfDiscards(discards), plane },
    sessionIds: localSessionId === undefined ? "" : idsText(localSessionId, remoteSessionId),
  };
}

function idsText(ours: number, theirs: number | undefined): string {
  return `${hexId(ours)} / ${theirs === undefined ? "-" : hexId(theirs)}`;
}

/** The word of a state, with for how long. */
export function stateText({ state, forMs }: Pick<StatusRow, "state" | "forMs">): string {
  const { word } = shownStates[state];
  return forMs === undefined ? word : `${word} ${shortDuration(forMs)}`;
}

function countCell(count: number | undefined): readonly string[] {
  return [count === undefined ? "" : shortCount(count)];
}

const paintState = (text: string, { state }: StatusRow) => shownStates[state].paint(text);

/** Fewer columns than this have no room for peers and circuits. */
const WITH_WHERE = 72;
const WITH_PLANE = 96;
const WITH_IDS = 120;

/** TABLE: the columns of the table of tunnels and pseudowires, for lines of so many columns. */
export function statusColumns(columns: number): readonly TableColumn<StatusRow>[] {
  const has = (from: number, column: TableColumn<StatusRow>) => (columns >= from ? [column] : []);
  return [
    { title: "", cells: ({ state }) => [shownStates[state].mark], paint: paintState },
    {
      title: "tunnel",
      least: 12,
      cells: ({ kind, name }) => [kind === "tunnel" ? name : `  ${name}`],
      paint: (text, { kind }) => (kind === "tunnel" ? colours.bold(text) : text),
    },
    ...has(WITH_WHERE, { title: "peer, circuit", least: 12, cells: ({ where }) => where }),
    { title: "state", cells: (row) => [stateText(row)], paint: paintState },
    { title: "in", align: "right", cells: ({ receivedFrames }) => countCell(receivedFrames) },
    { title: "out", align: "right", cells: ({ transmittedFrames }) => countCell(transmittedFrames) },
    {
      title: "discards",
      align: "right",
      cells: ({ discards }) => countCell(discards),
      paint: (text, { discards = 0 }) => (discards > 0 ? colours.yellow(text) : text),
    },
    ...has(WITH_PLANE, { title: "plane", cells: ({ plane }) => [plane ?? ""] }),
    ...has(WITH_IDS, { title: "session ids (ours / theirs)", cells: ({ sessionIds }) => [sessionIds ?? ""] }),
  ];
}
