import type { StatusReport } from "../src/daemon/status.ts";
import type { LiveModel } from "./live-model.ts";
import { type Health, liveHealth } from "./status-view.ts";

/** Where what stands in the picture of the topology: circuits at the left, we between, peers at the right. */

/** A pseudowire as a line from its circuit to its peer; or the rest of those of a tunnel together. */
export interface Wire {
  readonly y: number;
  /** Undefined for the rest of a tunnel. */
  readonly name: string | undefined;
  readonly label: string;
  readonly circuit: string;
  readonly health: Health;
}

export interface PeerBox {
  readonly tunnel: string;
  readonly label: string;
  readonly health: Health;
  readonly y: number;
  readonly height: number;
  readonly wires: readonly Wire[];
}

export interface Layout {
  readonly height: number;
  readonly peers: readonly PeerBox[];
  /** Tunnels that have no room in the picture. */
  readonly more: number;
}

const LINE = 20;
const GAP = 12;
/** Lines of a tunnel, and tunnels in the picture. */
const MOST_WIRES = 5;
const MOST_TUNNELS = 10;

export function layoutOf(status: StatusReport, live: LiveModel): Layout {
  const bridges = bridgesOf(status);
  const ofTunnel = Map.groupBy(status.pseudowires, ({ tunnel }) => tunnel);
  let y = GAP;
  const peers = status.controlConnections.slice(0, MOST_TUNNELS).map((connection): PeerBox => {
    const { tunnel, peerHostName, remote } = connection;
    const all = (ofTunnel.get(tunnel) ?? []).map((one) => ({
      name: one.name,
      circuit: [bridges.get(one.name), one.circuit].filter((text) => text !== undefined).join(" \u00b7 "),
      health: liveHealth(one, live.row(one.name)?.isUp),
    }));
    const shown = all.length > MOST_WIRES ? all.slice(0, MOST_WIRES - 1) : all;
    const rest = all.slice(shown.length);
    const top = y;
    const wires: Wire[] = shown.map((one, index) => ({
      ...one,
      label: one.name,
      y: top + LINE * (index + 0.5),
    }));
    if (rest.length > 0) wires.push({ ...restOf(rest), y: top + LINE * (shown.length + 0.5) });
    const height = Math.max(1.6, wires.length) * LINE;
    y += height + GAP;
    const health = liveHealth(connection, live.isTunnelUp(tunnel));
    return { tunnel, label: peerHostName ?? remote, health, y: top, height, wires };
  });
  return { height: y, peers, more: status.controlConnections.length - peers.length };
}

function restOf(rest: readonly { readonly health: Health }[]): Omit<Wire, "y"> {
  const up = rest.filter(({ health }) => health === "up").length;
  const isDown = rest.some(({ health }) => health === "down");
  return {
    name: undefined,
    label: `${rest.length} more, ${up} up`,
    circuit: "",
    health: isDown ? "down" : "up",
  };
}

/** The bridge that has the circuit of each pseudowire. */
function bridgesOf({ bridges = [] }: StatusReport): ReadonlyMap<string, string> {
  return new Map(
    bridges.flatMap(({ name, ports }) =>
      ports.flatMap((port) => port.pseudowires.map((one) => [one, name] as const)),
    ),
  );
}

/** A text that fits so many letters. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}\u2026`;
}
