import { fromHex } from "../bytes/hex.ts";
import { canonicalAddress } from "../bytes/ip-address.ts";
import { Writer } from "../bytes/writer.ts";
import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { type DscpName, dscpNames } from "../wire/dscp.ts";
import { hashOf, routerIdOf } from "./address.ts";
import type {
  CircuitConfig,
  Config,
  ControlConfig,
  PseudowireConfig,
  SecretSource,
  StaticSessionConfig,
  TunnelConfig,
} from "./config.ts";
import type { RawConfig, RawPseudowire, RawTunnel } from "./fields.ts";

/**
 * The configuration of keys that were checked: defaults filled in, units and forms those of the program,
 * frozen.
 */
export function buildConfig(raw: RawConfig, machineHostName: string): Config {
  const tunnels = Object.entries(raw.tunnels).map(([name, tunnel]) => tunnelOf(name, tunnel));
  const hostName = raw.lcce.host_name ?? machineHostName;
  const firstV4 = tunnels.map(({ local }) => routerIdOf(local)).find((id) => id !== undefined);
  const routerId = raw.lcce.router_id === undefined ? firstV4 : routerIdOf(raw.lcce.router_id);
  return freeze({
    lcce: { hostName, routerId: routerId ?? hashOf(hostName), controlSocket: raw.lcce.control_socket },
    log: { level: raw.log.level, format: raw.log.format },
    plane: raw.plane,
    tunnels,
  });
}

function tunnelOf(name: string, raw: RawTunnel): TunnelConfig {
  const isUdp = raw.encapsulation === "udp";
  const control = raw.control === "static" ? {} : { control: controlOf(raw) };
  return {
    name,
    local: addressOf(raw.local),
    remote: addressOf(raw.remote),
    encapsulation: raw.encapsulation,
    localPort: isUdp ? (raw.local_port ?? UDP_PORT_L2TP) : 0,
    remotePort: isUdp ? (raw.remote_port ?? UDP_PORT_L2TP) : 0,
    fragmentation: raw.fragmentation,
    udpChecksum: raw.udp_checksum,
    gso: raw.gso,
    controlDscp: codePointOf(raw.control_dscp),
    ...control,
    pseudowires: Object.entries(raw.pseudowires).map(([key, pseudowire]) => pseudowireOf(key, pseudowire)),
  };
}

/** An address that was checked, in canonical form. */
function addressOf(text: string): string {
  return (canonicalAddress(text) as { text: string }).text;
}

function controlOf(raw: RawTunnel): ControlConfig {
  const peerRouterId = raw.peer_router_id === undefined ? undefined : routerIdOf(raw.peer_router_id);
  return {
    role: raw.role,
    authentication: raw.authentication ?? (raw.secret === undefined ? "none" : "digest"),
    secrets: [raw.secret, raw.next_secret].filter((secret) => secret !== undefined).map(secretOf),
    digestType: raw.digest === "md5" ? "hmac-md5" : "hmac-sha1",
    hideAvps: raw.hide_avps,
    helloIntervalMs: raw.hello_interval_s * 1000,
    retransmitInitialMs: raw.retransmit_initial_ms,
    retransmitCapMs: raw.retransmit_cap_ms,
    retransmitLimit: raw.retransmit_limit,
    silenceLimitMs: raw.silence_limit_s * 1000,
    receiveWindowSize: raw.receive_window,
    reconnectInitialMs: Math.round(raw.reconnect_initial_s * 1000),
    reconnectCapMs: Math.round(raw.reconnect_cap_s * 1000),
    ...(raw.peer_host_name === undefined ? {} : { peerHostName: raw.peer_host_name }),
    ...(peerRouterId === undefined ? {} : { peerRouterId }),
  };
}

function secretOf(raw: {
  readonly file?: string | undefined;
  readonly credential?: string | undefined;
  readonly env?: string | undefined;
}): SecretSource {
  if (raw.file !== undefined) return { kind: "file", path: raw.file };
  if (raw.credential !== undefined) return { kind: "credential", name: raw.credential };
  return { kind: "environment", variable: raw.env as string };
}

function pseudowireOf(name: string, raw: RawPseudowire): PseudowireConfig {
  const staticSession = raw.static === undefined ? {} : { staticSession: staticOf(raw, raw.static) };
  const cookieOctets =
    raw.static === undefined ? raw.cookie : ((raw.static.receive_cookie.length / 2) as 0 | 4 | 8);
  return {
    name,
    type: raw.type ?? (raw.circuit.vlan === undefined ? "ethernet" : "ethernet-vlan"),
    circuit: circuitOf(raw),
    mtu: raw.mtu,
    cookieOctets,
    sublayer: raw.sublayer,
    sequencing: raw.sequencing,
    sequencingWindow: raw.sequencing_window,
    sequencingReset: raw.sequencing_reset,
    dscp: raw.dscp === "copy" ? "copy" : codePointOf(raw.dscp),
    remoteEndId: endIdOf(raw.remote_end_id ?? name),
    ...staticSession,
  };
}

function codePointOf(dscp: DscpName | number): number {
  return typeof dscp === "number" ? dscp : dscpNames[dscp];
}

/** Text as its octets; a number in 4 octets, the form every Ethernet pseudowire must know (RFC 4719 §2.2). */
function endIdOf(id: string | number): Uint8Array {
  return typeof id === "number" ? new Writer(4).u32(id).finish() : new TextEncoder().encode(id);
}

function circuitOf({ circuit }: RawPseudowire): CircuitConfig {
  const id = circuit.vlan;
  const protocol = circuit.vlan_protocol === "802.1ad" ? 0x88a8 : 0x8100;
  return {
    kind: circuit.tap === undefined ? "interface" : "tap",
    device: (circuit.tap ?? circuit.interface) as string,
    ...(circuit.bridge === undefined ? {} : { bridge: circuit.bridge }),
    ...(id === undefined ? {} : { vlan: { id, idOnPseudowire: circuit.vlan_on_pseudowire ?? id, protocol } }),
    linkLocal: circuit.link_local,
    allowHostUse: circuit.allow_host_use,
  };
}

function staticOf(
  raw: RawPseudowire,
  staticSession: NonNullable<RawPseudowire["static"]>,
): StaticSessionConfig {
  return {
    localSessionId: staticSession.local_session_id,
    remoteSessionId: staticSession.remote_session_id,
    receiveCookie: fromHex(staticSession.receive_cookie),
    transmitCookie: fromHex(staticSession.transmit_cookie),
    transmitSublayer: staticSession.transmit_sublayer ?? raw.sublayer,
    transmitSequencing: staticSession.transmit_sequencing ?? raw.sequencing,
  };
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
