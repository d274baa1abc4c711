import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { localText, remoteText } from "../config/ends.ts";
import { countersBy } from "../forwarding/counters-table.ts";
import { authenticationOf } from "./connection-report.ts";
import { circuitText } from "./pseudowire-report.ts";
import { type ControlConnectionStatus, DISABLED, type PseudowireStatus } from "./status.ts";

/** What the file has with `enabled: false`, in the status report: nothing of it runs. */

const WHY_NOT = "disabled in the file";

/** Disabled tunnels. */
export function disabledConnections({ disabled }: Config): readonly ControlConnectionStatus[] {
  return disabled.tunnels.map((tunnel) => ({
    tunnel: tunnel.name,
    state: DISABLED,
    encapsulation: tunnel.encapsulation,
    local: localText(tunnel.local) ?? "by route",
    remote: remoteText(tunnel.remote),
    authentication: authenticationOf(tunnel),
    whyNot: WHY_NOT,
    notes: [],
    ...{ sent: 0, received: 0, retransmitted: 0 },
  }));
}

/** Disabled pseudowires, and those of disabled tunnels. */
export function disabledPseudowires({ disabled }: Config): readonly PseudowireStatus[] {
  const ofTunnel = ({ name, pseudowires }: TunnelConfig) =>
    pseudowires.map((pseudowire) => statusOf(name, pseudowire, "its tunnel is disabled in the file"));
  return [
    ...disabled.tunnels.flatMap(ofTunnel),
    ...disabled.pseudowires.map(({ tunnel, pseudowire }) => statusOf(tunnel, pseudowire, WHY_NOT)),
  ];
}

function statusOf(tunnel: string, pseudowire: PseudowireConfig, whyNot: string): PseudowireStatus {
  return {
    name: pseudowire.name,
    tunnel,
    state: DISABLED,
    type: pseudowire.type,
    circuit: circuitText(pseudowire),
    localCircuit: "not open: disabled",
    whyNot,
    notes: [],
    ...countersBy(() => 0),
    discards: {},
  };
}
