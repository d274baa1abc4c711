import type { AdministeredKind } from "./administrative-states.ts";
import { ADMIN_DOWN, type ControlConnectionStatus, type PseudowireStatus } from "./status.ts";
import type { StatusSources } from "./status-sources.ts";

/** What the status says of tunnels and pseudowires that an operator closed. */

type Sources = Pick<StatusSources, "administrative" | "nowMs">;

function closedText(kind: AdministeredKind, name: string): string {
  return `administratively down; to open it: wirespan ${kind} up ${name}`;
}

/** The status of a tunnel, which may be closed by hand. */
export function administeredTunnel(
  { administrative, nowMs }: Sources,
  status: ControlConnectionStatus,
): ControlConnectionStatus {
  const sinceMs = administrative.downMs("tunnel", status.tunnel);
  if (sinceMs === undefined) return status;
  const downForMs = Math.round(nowMs - sinceMs);
  const whyNot = closedText("tunnel", status.tunnel);
  return { ...status, state: ADMIN_DOWN, whyNot, downForMs, nextAttemptInMs: undefined, notes: [] };
}

/** The status of a pseudowire, which may be closed by hand, or its tunnel. */
export function administeredPseudowire(
  { administrative, nowMs }: Sources,
  status: PseudowireStatus,
): PseudowireStatus {
  const ownMs = administrative.downMs("pseudowire", status.name);
  const sinceMs = ownMs ?? administrative.downMs("tunnel", status.tunnel);
  if (sinceMs === undefined) return status;
  return {
    ...status,
    state: ownMs === undefined ? "idle" : ADMIN_DOWN,
    localCircuit: "not open: administratively down",
    whyNot:
      ownMs === undefined ? "its tunnel is administratively down" : closedText("pseudowire", status.name),
    downForMs: Math.round(nowMs - sinceMs),
    notes: [],
  };
}
