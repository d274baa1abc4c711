import type { Config, ControlConfig, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { LcceIdentity, PeerSettings, PseudowireSettings } from "../control/settings.ts";
import type { CircuitAttachment, CircuitDevice, PsnEndpoint } from "../forwarding/plane.ts";
import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";

/** Conversion of the configuration to settings of control and forwarding, which never see a configuration. */

/** Vendor Name AVP (RFC 3931 §5.4.3): informational. */
const VENDOR_NAME = "Wirespan";

export function identityOf(config: Config): LcceIdentity {
  return { hostName: config.lcce.hostName, routerId: config.lcce.routerId, vendorName: VENDOR_NAME };
}

export function endpointOf(tunnel: TunnelConfig): PsnEndpoint {
  return {
    encapsulation: tunnel.encapsulation,
    address: tunnel.local,
    port: tunnel.localPort,
    fragmentation: tunnel.fragmentation,
    checksum: tunnel.udpChecksum,
    gso: tunnel.gso,
    control: tunnel.control !== undefined,
    controlDscp: tunnel.controlDscp,
  };
}

/** The two ends of a tunnel; `localPort` is the one in use, which the kernel chose when the file says 0. */
export function pathOf(tunnel: TunnelConfig, localPort: number): PsnPath {
  return {
    encapsulation: tunnel.encapsulation,
    localAddress: tunnel.local,
    localPort,
    remoteAddress: tunnel.remote,
    remotePort: tunnel.remotePort,
  };
}

/** `secrets` are the octets of the secrets that the configuration names, in its order. */
export function peerSettings(
  tunnel: TunnelConfig,
  control: ControlConfig,
  path: PsnPath,
  secrets: readonly Uint8Array[],
): PeerSettings {
  return {
    name: tunnel.name,
    path,
    role: control.role,
    authentication: {
      mode: control.authentication,
      digestType: control.digestType,
      secrets,
      hideAvps: control.hideAvps,
    },
    delivery: {
      initialMs: control.retransmitInitialMs,
      capMs: control.retransmitCapMs,
      limit: control.retransmitLimit,
      silenceMs: control.silenceLimitMs,
      receiveWindowSize: control.receiveWindowSize,
    },
    helloIntervalMs: control.helloIntervalMs,
    reconnectInitialMs: control.reconnectInitialMs,
    reconnectCapMs: control.reconnectCapMs,
    ...(control.peerHostName === undefined ? {} : { peerHostName: control.peerHostName }),
    ...(control.peerRouterId === undefined ? {} : { peerRouterId: control.peerRouterId }),
  };
}

export function pseudowireSettings(pseudowire: PseudowireConfig): PseudowireSettings {
  const { name, type, remoteEndId, cookieOctets, sublayer, sequencing } = pseudowire;
  return { name, type, remoteEndId, cookieOctets, sublayer, sequencing };
}

export function deviceOf(pseudowire: PseudowireConfig): CircuitDevice {
  return { kind: pseudowire.circuit.kind, name: pseudowire.circuit.device, mtu: pseudowire.mtu };
}

export function attachmentOf(pseudowire: PseudowireConfig): CircuitAttachment {
  const { device, vlan, linkLocal } = pseudowire.circuit;
  return {
    device,
    ...(vlan === undefined ? {} : { vlan }),
    linkLocal,
    dscp: pseudowire.dscp,
    sequenceRule: { window: pseudowire.sequencingWindow, resetAfter: pseudowire.sequencingReset },
    mtu: pseudowire.mtu,
  };
}

/**
 * The parameters of a static session, which nobody negotiates (RFC 3931 §3); undefined for a negotiated one.
 */
export function staticSessionOf(pseudowire: PseudowireConfig, path: PsnPath): SessionParameters | undefined {
  const { staticSession } = pseudowire;
  if (staticSession === undefined) return undefined;
  return {
    pseudowire: pseudowire.name,
    path,
    pseudowireType: pseudowire.type,
    localSessionId: staticSession.localSessionId,
    remoteSessionId: staticSession.remoteSessionId,
    receiveCookie: staticSession.receiveCookie,
    transmitCookie: staticSession.transmitCookie,
    receiveSublayer: pseudowire.sublayer,
    transmitSublayer: staticSession.transmitSublayer,
    receiveSequencing: pseudowire.sequencing,
    transmitSequencing: staticSession.transmitSequencing,
    transmitAllowed: true,
  };
}
