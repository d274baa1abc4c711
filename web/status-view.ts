import { counted } from "../src/bytes/counted.ts";
import { byName } from "../src/bytes/name-order.ts";
import { notUpIn } from "../src/daemon/not-up.ts";
import {
  ADMIN_DOWN,
  type ControlConnectionStatus,
  isWanted,
  type PseudowireStatus,
  type StatusReport,
} from "../src/daemon/status.ts";
import type { LiveModel, Rates } from "./live-model.ts";

/** What the page shows of a status report and of what was read since. */

/** Up, not up, or closed by the file or by hand. */
export type Health = "up" | "down" | "closed";

/** A line of "not up" or of "needs attention". */
export interface Problem {
  readonly kind: "tunnel" | "pseudowire" | "bridge" | "daemon" | "unknown peer";
  readonly name: string;
  readonly text: string;
  /** For how long, in ms. */
  readonly forMs?: number | undefined;
}

type Stateful = Pick<ControlConnectionStatus | PseudowireStatus, "state" | "whyNot">;

/** By the report alone. */
export function healthOf(one: Stateful): Health {
  if (!isWanted(one) || one.state === ADMIN_DOWN) return "closed";
  return one.whyNot === undefined ? "up" : "down";
}

/** By the last reading, where there is one. */
export function liveHealth(one: Stateful, isUp: boolean | undefined): Health {
  const known = healthOf(one);
  if (known === "closed" || isUp === undefined) return known;
  return isUp ? "up" : "down";
}

/** Everything that is not up, and why; the pseudowires of a tunnel that is not up stand with it. */
export function notUp(report: StatusReport): readonly Problem[] {
  const { tunnels, pseudowires } = notUpIn(report);
  const isDown = (one: Stateful) => healthOf(one) === "down";
  const count = (tunnel: string) =>
    report.pseudowires.filter((one) => one.tunnel === tunnel && isWanted(one)).length;
  return [
    ...tunnels.filter(isDown).map(({ tunnel, whyNot = "", downForMs }) => ({
      ...({ kind: "tunnel", name: tunnel, forMs: downForMs } as const),
      text: `${whyNot}${count(tunnel) === 0 ? "" : ` (${counted(count(tunnel), "pseudowire")})`}`,
    })),
    ...pseudowires.filter(isDown).map(({ name, whyNot = "", downForMs }) => ({
      ...({ kind: "pseudowire", name, text: whyNot, forMs: downForMs } as const),
    })),
  ];
}

/** What looks wrong although it may be up. */
export function attention(status: StatusReport): readonly Problem[] {
  const { controlConnections, pseudowires, bridges = [], http = [], log } = status;
  return [
    ...controlConnections.flatMap(({ tunnel, notes = [] }) =>
      notes.map((text) => problem("tunnel", tunnel, text)),
    ),
    ...pseudowires.flatMap(({ name, notes = [] }) => notes.map((text) => problem("pseudowire", name, text))),
    ...bridges.flatMap(({ name, problem: wrong, notes = [] }) =>
      [...(wrong === undefined ? [] : [wrong]), ...notes].map((text) => problem("bridge", name, text)),
    ),
    ...http.flatMap(({ listen, problem: wrong, note }) =>
      [wrong, note].flatMap((text) => (text === undefined ? [] : [problem("daemon", listen, text)])),
    ),
    ...(log.lostLines === 0
      ? []
      : [problem("daemon", "log", `${counted(log.lostLines, "line")} lost: ${log.reason ?? "not written"}`)]),
    ...unknownPeers(status),
  ];
}

function unknownPeers({ unknownPeers: peers = [], otherUnknownPeers = 0 }: StatusReport): readonly Problem[] {
  return [
    ...peers.map(({ hostName, address, sccrqs, reason, lastAgoMs }) => ({
      ...problem(
        "unknown peer",
        hostName ?? "(no name)",
        `at ${address}: ${counted(sccrqs, "SCCRQ")}, ${reason}`,
      ),
      forMs: lastAgoMs,
    })),
    ...(otherUnknownPeers === 0
      ? []
      : [problem("unknown peer", "others", `${counted(otherUnknownPeers, "further sender")} of SCCRQs`)]),
  ];
}

function problem(kind: Problem["kind"], name: string, text: string): Problem {
  return { kind, name, text };
}

/** TABLE: the columns by which pseudowires are sorted. */
export const sortKeys = ["name", "state", "tunnel", "received", "transmitted", "discards"] as const;
export type SortKey = (typeof sortKeys)[number];

/** A row of the table of pseudowires. */
export interface PseudowireRow {
  readonly status: PseudowireStatus;
  readonly health: Health;
  readonly rates: Rates | undefined;
  readonly discards: number;
}

export interface RowChoice {
  readonly filter: string;
  readonly tunnel: string | undefined;
  readonly sort: SortKey;
  readonly isReversed: boolean;
}

/** The rows that the filter leaves, sorted. */
export function pseudowireRows(
  status: StatusReport,
  live: LiveModel,
  choice: RowChoice,
): readonly PseudowireRow[] {
  const words = choice.filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const rows = status.pseudowires.flatMap((one): readonly PseudowireRow[] => {
    if (choice.tunnel !== undefined && one.tunnel !== choice.tunnel) return [];
    const row = live.row(one.name);
    const health = liveHealth(one, row?.isUp);
    const text = `${one.name} ${one.tunnel} ${one.circuit} ${one.state} ${health}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return [];
    const discards = row?.counters["discards"] ?? sumOf(one.discards);
    return [{ status: one, health, rates: row?.rates, discards }];
  });
  const sign = choice.isReversed ? -1 : 1;
  return rows.sort((a, b) => sign * compare(a, b, choice.sort) || byName(a.status.name, b.status.name));
}

const healthOrder: Readonly<Record<Health, number>> = { down: 0, closed: 1, up: 2 };

function compare(a: PseudowireRow, b: PseudowireRow, key: SortKey): number {
  switch (key) {
    case "name":
      return byName(a.status.name, b.status.name);
    case "tunnel":
      return byName(a.status.tunnel, b.status.tunnel);
    case "state":
      return healthOrder[a.health] - healthOrder[b.health];
    case "received":
      return (b.rates?.receivedBits ?? 0) - (a.rates?.receivedBits ?? 0);
    case "transmitted":
      return (b.rates?.transmittedBits ?? 0) - (a.rates?.transmittedBits ?? 0);
    case "discards":
      return b.discards - a.discards;
  }
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** The rows of a list that are drawn: those in view, and a few around them. */
export function rowsInView(
  length: number,
  { top, height, rowHeight }: { readonly top: number; readonly height: number; readonly rowHeight: number },
): { readonly first: number; readonly end: number } {
  const spare = 6;
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight) - spare, length - 1));
  const end = Math.min(length, Math.ceil((top + height) / rowHeight) + spare);
  return { first: Math.max(0, first), end: Math.max(end, 0) };
}
