import type { Config, ControlConfig, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { circuitRows, pseudowireRows } from "../config/pseudowire-rows.ts";
import { type FieldsOf, pickFields } from "../config/rows.ts";
import { tunnelRows } from "../config/tunnel-rows.ts";
import type { LcceIdentity, PeerSettings, PseudowireSettings } from "../control/settings.ts";
import type { AttachmentCircuit, CircuitDevice } from "../forwarding/plane.ts";
import type { PsnEndpoint } from "../forwarding/transport.ts";
import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";

/** Conversion of the configuration to settings of control and forwarding, which never see a configuration. */

/**
 * Fields under the types that their consumer declares: a field of a row that it does not have is a compile
 * error.
 */
type Known<Consumer, Given> = [Exclude<keyof Given, keyof Consumer>] extends [never]
  ? Pick<Consumer, keyof Given & keyof Consumer>
  : never;

/** Vendor Name AVP (RFC 3931 §5.4.3): informational. */
const VENDOR_NAME = "Wirespan";

export function identityOf(config: Config): LcceIdentity {
  return { hostName: config.lcce.hostName, routerId: config.lcce.routerId, vendorName: VENDOR_NAME };
}

/** The local socket of a tunnel. */
export function endpointOf(tunnel: TunnelConfig): PsnEndpoint {
  const fields: Known<PsnEndpoint, FieldsOf<typeof tunnelRows, "endpoint">> = pickFields(
    tunnelRows,
    "endpoint",
    tunnel,
  );
  return {
    encapsulation: tunnel.encapsulation,
    address: tunnel.local,
    port: tunnel.localPort,
    control: tunnel.control !== undefined,
    ...fields,
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
  const { authentication, delivery, ...peer } = control;
  const { secrets: _sources, ...modes } = authentication;
  const fields: Known<PeerSettings, typeof peer> = peer;
  const protection: Known<PeerSettings["authentication"], typeof modes> = modes;
  const retransmission: Known<PeerSettings["delivery"], typeof delivery> = delivery;
  return {
    name: tunnel.name,
    path,
    ...fields,
    authentication: { ...protection, secrets },
    delivery: retransmission,
  };
}

export function pseudowireSettings(pseudowire: PseudowireConfig): PseudowireSettings {
  const fields: Known<PseudowireSettings, FieldsOf<typeof pseudowireRows, "session">> = pickFields(
    pseudowireRows,
    "session",
    pseudowire,
  );
  return { name: pseudowire.name, ...fields };
}

export function deviceOf(pseudowire: PseudowireConfig): CircuitDevice {
  return { kind: pseudowire.circuit.kind, name: pseudowire.circuit.device, mtu: pseudowire.mtu };
}

export function attachmentOf(pseudowire: PseudowireConfig): AttachmentCircuit {
  const { circuit, sequenceRule } = pseudowire;
  const ofPseudowire: Known<AttachmentCircuit, FieldsOf<typeof pseudowireRows, "attachment">> = pickFields(
    pseudowireRows,
    "attachment",
    pseudowire,
  );
  const ofCircuit: Known<AttachmentCircuit, FieldsOf<typeof circuitRows, "attachment">> = pickFields(
    circuitRows,
    "attachment",
    circuit,
  );
  return {
    device: circuit.device,
    ...(circuit.vlan === undefined ? {} : { vlan: circuit.vlan }),
    ...ofCircuit,
    ...ofPseudowire,
    sequenceRule,
  };
}

/**
 * The parameters of a static session, which nobody negotiates (RFC 3931 §3); undefined for a negotiated one.
 */
export function staticSessionOf(pseudowire: PseudowireConfig, path: PsnPath): SessionParameters | undefined {
  const { staticSession } = pseudowire;
  if (staticSession === undefined) return undefined;
  const fields: Known<SessionParameters, typeof staticSession> = staticSession;
  // Of what negotiated sessions ask the peer for, the remote end id names none of these, and the length of
  // the cookie is that of the one in the file. A field that is neither here nor a parameter does not compile.
  const {
    name: _name,
    remoteEndId: _remoteEndId,
    cookieOctets: _cookieOctets,
    type: pseudowireType,
    sublayer: receiveSublayer,
    sequencing: receiveSequencing,
    ...others
  } = pseudowireSettings(pseudowire);
  const known: Known<SessionParameters, typeof others> = others;
  return {
    pseudowire: pseudowire.name,
    path,
    pseudowireType,
    receiveSublayer,
    receiveSequencing,
    ...known,
    ...fields,
    transmitAllowed: true,
    remoteCircuitActive: true,
  };
}
