import type {
  CircuitConfig,
  Config,
  ControlConfig,
  PseudowireConfig,
  TunnelConfig,
} from "../config/config.ts";
import { circuitRows, pseudowireRows } from "../config/pseudowire-rows.ts";
import { type FieldsOf, pickFields } from "../config/rows.ts";
import { tunnelRows } from "../config/tunnel-rows.ts";
import { OUR_MRU } from "../control/fragments.ts";
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

/** The addresses that the two ends of a tunnel have, and our port. */
export interface EndsInUse {
  readonly localAddress: string;
  /** The one in use, which the kernel chose when the file says 0; 0 over IP. */
  readonly localPort: number;
  readonly remoteAddress: string;
  /** The peer's port, where that is another than the file's: the peer was followed. */
  readonly remotePort?: number;
}

/** The ends of a tunnel whose file has both addresses; undefined for any other. */
export function endsInFile({ local, localPort, remote }: TunnelConfig): EndsInUse | undefined {
  if (local.kind !== "address" || remote.kind !== "address") return undefined;
  return { localAddress: local.address, localPort, remoteAddress: remote.address };
}

/** As in RFC 4291 §2.5.2: an address that is none, in place of that of a peer that may have any. */
export const UNSPECIFIED = { 4: "0.0.0.0", 6: "::" } as const;

/** Whether an address is that of a peer that may have any, and did not come yet. */
export function isUnspecified(address: string): boolean {
  return address === UNSPECIFIED[4] || address === UNSPECIFIED[6];
}

/** The local socket of a tunnel, at one address of this machine. */
export function endpointOf(tunnel: TunnelConfig, address: string): PsnEndpoint {
  const fields: Known<PsnEndpoint, FieldsOf<typeof tunnelRows, "endpoint">> = pickFields(
    tunnelRows,
    "endpoint",
    tunnel,
  );
  return {
    encapsulation: tunnel.encapsulation,
    address,
    port: tunnel.localPort,
    control: tunnel.control !== undefined,
    ...fields,
  };
}

/** The two ends of a tunnel. */
export function pathOf({ encapsulation, remotePort }: TunnelConfig, ends: EndsInUse): PsnPath {
  return { encapsulation, remotePort, ...ends };
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
  const measured: Known<PeerSettings, FieldsOf<typeof tunnelRows, "path MTU">> = pickFields(
    tunnelRows,
    "path MTU",
    tunnel,
  );
  const protection: Known<PeerSettings["authentication"], typeof modes> = modes;
  const retransmission: Known<PeerSettings["delivery"], typeof delivery> = delivery;
  return {
    name: tunnel.name,
    path,
    ...(tunnel.remote.kind === "any" ? { from: tunnel.remote.prefixes } : {}),
    ...measured,
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
  const { name, mrru } = pseudowire;
  return { name, ...fields, ...(mrru === undefined ? {} : { mrru }) };
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
    mrru,
    vccv,
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
    // Nobody announces anything: the other end is taken to do as this one.
    ...(mrru === undefined ? {} : { receiveMrru: mrru, transmitFragments: { mru: OUR_MRU, mrru } }),
    ...(vccv === "echo" ? { vccvControlChannel: "l2-specific-sublayer", vccvEcho: true } : {}),
    transmitAllowed: true,
    remoteCircuitActive: true,
  };
}

/** A circuit of the file for each device: all those on one device say the same of `follow_peer`. */
export function circuitsIn({ tunnels }: Config): ReadonlyMap<string, CircuitConfig> {
  const circuits = tunnels.flatMap(({ pseudowires }) => pseudowires.map(({ circuit }) => circuit));
  return new Map(circuits.map((circuit) => [circuit.device, circuit]));
}
