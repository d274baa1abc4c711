import { counted } from "../../bytes/counted.ts";
import type { BridgePortStatus, BridgeStatus } from "../../daemon/bridge-status.ts";
import { stormKinds } from "../../forwarding/storm-kinds.ts";
import { colours } from "../colours.ts";

/** Most ports that are listed of a bridge. */
const MOST_PORTS = 500;

/** A bridge in the overview: itself, and those of its ports that do not forward, or drop frames. */
export function bridgeSummary(bridge: BridgeStatus): readonly string[] {
  const { ports } = bridge;
  const unusual = ports.filter((port) => !isForwarding(port) || droppedTexts(port).length > 0);
  const forwarding = ports.filter(isForwarding).length;
  const of = forwarding === ports.length ? "" : ` of ${ports.length}`;
  const noun = ports.length === 1 ? "port forwards" : "ports forward";
  return [
    `${headLine(bridge)}; ${forwarding}${of} ${noun}`,
    ...problemLines(bridge),
    ...portLines(bridge, unusual),
  ];
}

/** A bridge with all its ports, those that do not forward first. */
export function bridgeDetail(bridge: BridgeStatus): readonly string[] {
  return [headLine(bridge), ...problemLines(bridge), ...portLines(bridge, bridge.ports)];
}

function isForwarding({ state }: BridgePortStatus): boolean {
  return state === "forwarding";
}

function headLine({ name, made, learnt, limit = 0, stp }: BridgeStatus): string {
  const of = limit === 0 ? "" : ` of at most ${limit}`;
  const addresses = learnt === 1 && limit === 0 ? "MAC address" : "MAC addresses";
  const parts = [
    made ? "made by us" : "not ours",
    ...(learnt === undefined ? [] : [`${learnt}${of} ${addresses} learnt`]),
    ...(stp === true ? ["STP on"] : []),
  ];
  return `bridge ${name}: ${parts.join(", ")}`;
}

function problemLines({ problem }: BridgeStatus): readonly string[] {
  return problem === undefined ? [] : [colours.yellow(`  ${problem}`)];
}

function portLines({ loops }: BridgeStatus, ports: readonly BridgePortStatus[]): readonly string[] {
  const sorted = [...ports.filter((port) => !isForwarding(port)), ...ports.filter(isForwarding)];
  const left = sorted.length - MOST_PORTS;
  const blocked = new Set(loops?.loops.map((loop) => loop.blocked));
  const are = left === 1 ? "is" : "are";
  const more = `  ${counted(left, "more port")} ${are} not shown (for all: wirespan status --json)`;
  return [
    ...sorted.slice(0, MOST_PORTS).map((port) => portLine(port, blocked.has(port.device))),
    ...(left > 0 ? [more] : []),
  ];
}

function portLine(port: BridgePortStatus, isBlocked: boolean): string {
  const { device, pseudowires, state, isolated, storms } = port;
  const whose = pseudowires.length === 0 ? "" : ` (pseudowire ${pseudowires.join(", ")})`;
  const why = isBlocked ? ", blocked for a loop" : "";
  const shown = isForwarding(port) ? state : colours.yellow(`${state}${why}`);
  const lost = droppedTexts(port).map((text) => colours.yellow(`, ${text}`));
  const more = `${isolated ? ", isolated" : ""}${limitsText(storms)}${lost.join("")}`;
  return `  port ${device}${whose}: ${shown}${more}`;
}

/** What a port dropped, by reason. */
function droppedTexts({ storms }: BridgePortStatus): readonly string[] {
  return Object.entries(storms?.discards ?? {})
    .filter(([, frames]) => frames > 0)
    .map(([reason, frames]) => `${counted(frames, "frame")} dropped: ${reason}`);
}

/** The storm limits of a port, and whether they hold. */
function limitsText(storms: BridgePortStatus["storms"]): string {
  if (storms === undefined) return "";
  const limits = stormKinds.flatMap(({ kind, label }) => {
    const limit = storms.limits[kind];
    return limit === undefined ? [] : [`${label} ${limit}`];
  });
  const text = `, at most in a second: ${limits.join(", ")}`;
  return storms.discards === undefined ? `${text} ${colours.yellow("(not limited yet)")}` : text;
}
