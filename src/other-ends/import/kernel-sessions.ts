import { type WrittenKeys, withoutGaps } from "../written-keys.ts";
import { type Draft, type DraftTunnel, deviceNameOf } from "./draft.ts";

/** Tunnels and sessions of the Linux kernel, as whatever names them says it; texts are not checked yet. */

export interface ShownTunnel {
  readonly line: number;
  readonly id: number;
  readonly local: string | undefined;
  readonly remote: string | undefined;
  readonly encapsulation: "udp" | "ip";
  readonly localPort: number | undefined;
  readonly remotePort: number | undefined;
  /** What our key `udp_checksum` is then; undefined for its default. */
  readonly checksum: "full" | "zero" | undefined;
}

export interface ShownSession {
  readonly line: number;
  readonly tunnelId: number;
  readonly device: string | undefined;
  readonly localSessionId: number | undefined;
  readonly remoteSessionId: number | undefined;
  /** What it sends, and what it demands: hexadecimal digits. */
  readonly cookie: string | undefined;
  readonly peerCookie: string | undefined;
  /** Undefined where nothing says it. */
  readonly sublayer: "none" | "default" | undefined;
  readonly sends: boolean;
  readonly receives: boolean;
}

/** What belongs to an interface of a session. */
export interface ShownDevice {
  mtu?: number;
  bridge?: string;
  vlan?: number;
  vlanProtocol?: "802.1ad";
}

const DEFAULT_PORT = 1701;
const DEFAULT_MTU = 1500;

/** Adds tunnels with their sessions to a draft. */
export function draftKernel(
  draft: Draft,
  tunnels: readonly ShownTunnel[],
  sessions: readonly ShownSession[],
  devices: ReadonlyMap<string, ShownDevice>,
): void {
  const drafted = new Map<number, DraftTunnel>();
  for (const tunnel of tunnels) {
    const made = draft.tunnel(`tunnel-${tunnel.id}`);
    if (made === undefined) draft.lose(tunnel.line, `tunnel ${tunnel.id}`, "too many tunnels", true);
    else if (drafted.has(tunnel.id)) draft.lose(tunnel.line, `tunnel ${tunnel.id}`, "is there already", true);
    else {
      drafted.set(tunnel.id, made);
      Object.assign(made.keys, tunnelKeys(tunnel));
    }
  }
  for (const session of sessions) {
    const tunnel = drafted.get(session.tunnelId);
    const what = `session ${session.localSessionId ?? "without id"} in tunnel ${session.tunnelId}`;
    if (tunnel === undefined) draft.lose(session.line, what, "its tunnel is not in this text", true);
    else addSession(draft, tunnel, session, devices);
  }
}

function tunnelKeys({
  local,
  remote,
  encapsulation,
  localPort,
  remotePort,
  checksum,
}: ShownTunnel): WrittenKeys {
  const port = (given: number | undefined) =>
    encapsulation === "ip" || given === undefined || given === DEFAULT_PORT ? undefined : given;
  return withoutGaps({
    local,
    remote,
    encapsulation: encapsulation === "ip" ? "ip" : undefined,
    local_port: port(localPort),
    remote_port: port(remotePort),
    udp_checksum: encapsulation === "ip" ? undefined : checksum,
    control: "static",
  });
}

function addSession(
  draft: Draft,
  tunnel: DraftTunnel,
  session: ShownSession,
  devices: ReadonlyMap<string, ShownDevice>,
): void {
  const { localSessionId = 0, sublayer, sends, receives } = session;
  const otherwise = `l2tp${localSessionId}`;
  const name = session.device ?? otherwise;
  const tap = deviceNameOf(name, otherwise);
  const { mtu, bridge, vlan, vlanProtocol } = devices.get(name) ?? {};
  if (sublayer === undefined)
    draft.choices.add(
      "sublayer: `ip l2tp show` does not say it. `default` is that of `ip l2tp add session` without " +
        "l2spec_type; where the sessions were made with l2spec_type none, leave the key out.",
    );
  const numbers = sends || receives;
  draft.pseudowire(
    tunnel,
    name,
    withoutGaps({
      circuit: withoutGaps({ tap, bridge, vlan, vlan_protocol: vlanProtocol }),
      mtu: mtu === undefined || mtu === DEFAULT_MTU ? undefined : mtu,
      sublayer: (sublayer ?? "default") === "default" || numbers ? "default" : undefined,
      sequencing: receives ? "all" : undefined,
      static: withoutGaps({
        local_session_id: session.localSessionId,
        remote_session_id: session.remoteSessionId,
        receive_cookie: session.peerCookie,
        transmit_cookie: session.cookie,
        transmit_sequencing: sends === receives ? undefined : sends ? "all" : "none",
      }),
    }),
  );
}
