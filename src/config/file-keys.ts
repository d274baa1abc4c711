import { toHex } from "../bytes/hex.ts";
import { dottedQuad } from "../bytes/ip-address.ts";
import type { CircuitConfig, Config, ControlConfig, PseudowireConfig, TunnelConfig } from "./config.ts";

/** What a configuration would be as keys of the file, so that an operator is told of changes in the words that he wrote. */

/** Keys and values as in the file; undefined for a key that is not there. */
export type FileKeys = Readonly<Record<string, unknown>>;

export function lcceKeys({ lcce }: Config): FileKeys {
  return { host_name: lcce.hostName, router_id: dottedQuad(lcce.routerId) };
}

/** A tunnel without its pseudowires. */
export function tunnelKeys(tunnel: TunnelConfig): FileKeys {
  const { control, encapsulation } = tunnel;
  return {
    local: tunnel.local,
    remote: tunnel.remote,
    encapsulation,
    local_port: encapsulation === "udp" ? tunnel.localPort : undefined,
    remote_port: encapsulation === "udp" ? tunnel.remotePort : undefined,
    fragmentation: tunnel.fragmentation,
    udp_checksum: tunnel.udpChecksum,
    gso: tunnel.gso,
    control_dscp: tunnel.controlDscp,
    control: control === undefined ? "static" : "negotiated",
    ...(control === undefined ? {} : controlKeys(control)),
  };
}

function controlKeys(control: ControlConfig): FileKeys {
  const [secret, nextSecret] = control.secrets.map((source) => {
    if (source.kind === "file") return `{ file: ${source.path} }`;
    return source.kind === "credential" ? `{ credential: ${source.name} }` : `{ env: ${source.variable} }`;
  });
  return {
    role: control.role,
    authentication: control.authentication,
    secret,
    next_secret: nextSecret,
    digest: control.digestType === "hmac-md5" ? "md5" : "sha1",
    hide_avps: control.hideAvps,
    hello_interval_s: control.helloIntervalMs / 1000,
    retransmit_initial_ms: control.retransmitInitialMs,
    retransmit_cap_ms: control.retransmitCapMs,
    retransmit_limit: control.retransmitLimit,
    silence_limit_s: control.silenceLimitMs / 1000,
    receive_window: control.receiveWindowSize,
    reconnect_initial_s: control.reconnectInitialMs / 1000,
    reconnect_cap_s: control.reconnectCapMs / 1000,
    peer_host_name: control.peerHostName,
    peer_router_id: control.peerRouterId === undefined ? undefined : dottedQuad(control.peerRouterId),
  };
}

export function pseudowireKeys(pseudowire: PseudowireConfig): FileKeys {
  const { staticSession } = pseudowire;
  return {
    circuit: circuitKeys(pseudowire.circuit),
    type: pseudowire.type,
    remote_end_id: endIdText(pseudowire.remoteEndId),
    mtu: pseudowire.mtu,
    // With `static` the length of its cookie counts instead.
    cookie: staticSession === undefined ? pseudowire.cookieOctets : undefined,
    sublayer: pseudowire.sublayer,
    sequencing: pseudowire.sequencing,
    sequencing_window: pseudowire.sequencingWindow,
    sequencing_reset: pseudowire.sequencingReset,
    dscp: pseudowire.dscp,
    static: staticSession && {
      local_session_id: staticSession.localSessionId,
      remote_session_id: staticSession.remoteSessionId,
      receive_cookie: staticSession.receiveCookie,
      transmit_cookie: staticSession.transmitCookie,
      transmit_sublayer: staticSession.transmitSublayer,
      transmit_sequencing: staticSession.transmitSequencing,
    },
  };
}

function circuitKeys({ kind, device, bridge, vlan, linkLocal, allowHostUse }: CircuitConfig): FileKeys {
  return {
    interface: kind === "interface" ? device : undefined,
    tap: kind === "tap" ? device : undefined,
    bridge,
    vlan: vlan?.id,
    vlan_on_pseudowire: vlan?.idOnPseudowire === vlan?.id ? undefined : vlan?.idOnPseudowire,
    vlan_protocol: vlan?.protocol === 0x88a8 ? "802.1ad" : "802.1q",
    link_local: linkLocal,
    allow_host_use: allowHostUse,
  };
}

/** As text where it may have been that; a number is 4 octets, which hardly are text. */
function endIdText(id: Uint8Array): string {
  const text = new TextDecoder().decode(id);
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  return id.length === 4 ? String(new DataView(id.buffer, id.byteOffset).getUint32(0)) : `0x${toHex(id)}`;
}
