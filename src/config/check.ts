import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { routerIdOf } from "./address.ts";
import { checkAcross, type IsRemoved } from "./check-across.ts";
import { checkBridges } from "./check-bridges.ts";
import { checkHttp } from "./check-http.ts";
import { checkPeer } from "./check-peer.ts";
import { checkSublayer } from "./check-sublayer.ts";
import { familiesOf, localEndOf, remoteEndOf } from "./ends.ts";
import type { RawCircuit, RawConfig, RawPseudowire, RawTunnel } from "./fields.ts";
import type { Issue, ReportClash, ReportIssue } from "./issues.ts";

const COOKIE_DIGITS = [0, 8, 16];
const FOLLOWED_COOKIE_DIGITS = 16;
/** Pairs of keys with the first and the longest of growing pauses. */
const pauses = [
  ["retransmit_initial_ms", "retransmit_cap_ms"],
  ["reconnect_initial_s", "reconnect_cap_s"],
] as const;

export const NO_TUNNEL = "there is no tunnel";

/** All issues between keys, which no single key can show. */
export function checkConfig(config: RawConfig): readonly Issue[] {
  const tunnels = Object.entries(config.tunnels);
  const none = tunnels.length === 0 ? [{ path: ["tunnels"], message: NO_TUNNEL }] : [];
  return [
    ...checkLcce(config.lcce),
    ...checkHttp(config.http, config.lcce.control_socket),
    ...none,
    ...checkTunnels(tunnels),
    ...checkBridges(config.bridges, tunnels),
  ];
}

export function checkLcce({ router_id: id }: RawConfig["lcce"]): readonly Issue[] {
  if (id === undefined || routerIdOf(id) !== undefined) return [];
  return [{ path: ["lcce", "router_id"], message: "wanted a dotted quad or a number" }];
}

/**
 * Issues of tunnels, within each and between them. `isRemoved` says that the value at a path, or a part of
 * it, was removed as invalid: its default is no reason for an issue elsewhere.
 */
export function checkTunnels(
  tunnels: readonly [string, RawTunnel][],
  isRemoved: IsRemoved = () => false,
): readonly Issue[] {
  const issues: Issue[] = [];
  const report: ReportIssue = (path, message, of = []) => issues.push({ path, message, of });
  for (const [name, tunnel] of tunnels) {
    checkTunnel(["tunnels", name], tunnel, report);
    checkPeer(name, tunnel, report);
  }
  const clash = clashesIn(issues);
  checkAcross(tunnels, { clash, later: () => undefined }, isRemoved);
  return issues;
}

function clashesIn(issues: Issue[]): ReportClash {
  return (path, message, { of = [], other } = {}) =>
    issues.push({ path, message, of, isClash: true, ...(other === undefined ? {} : { other }) });
}

/** What keeps tunnels and pseudowires that are disabled from being enabled beside the others, as notes. */
export function checkDisabled({ tunnels }: RawConfig): readonly Issue[] {
  const issues: Issue[] = [];
  const later = clashesIn(issues);
  checkAcross(Object.entries(tunnels), { clash: () => undefined, later }, () => false);
  return issues.map((issue) => ({ ...issue, message: `cannot be enabled as it is: ${issue.message}` }));
}

function checkTunnel(path: readonly string[], tunnel: RawTunnel, report: ReportIssue): void {
  checkEnds(path, tunnel, report);
  for (const key of ["local_port", "remote_port"] as const) {
    if (tunnel.encapsulation === "ip" && tunnel[key] !== undefined)
      report([...path, key], "IP protocol 115 has no ports");
  }
  for (const [initial, cap] of pauses) {
    if (tunnel[initial] > tunnel[cap])
      report([...path, initial], `more than ${cap}, which is ${tunnel[cap]}`);
  }
  checkAuthentication(path, tunnel, report);
  checkFollow(path, tunnel, report);
  if (tunnel.peer_router_id !== undefined && routerIdOf(tunnel.peer_router_id) === undefined) {
    report([...path, "peer_router_id"], "wanted a dotted quad or a number");
  }
  for (const [name, pseudowire] of Object.entries(tunnel.pseudowires)) {
    checkPseudowire([...path, "pseudowires", name], pseudowire, tunnel, report);
  }
}

function checkEnds(path: readonly string[], tunnel: RawTunnel, report: ReportIssue): void {
  const [local, remote] = [localEndOf(tunnel.local), remoteEndOf(tunnel.remote)];
  const [ours, theirs] = [familiesOf(local), familiesOf(remote)];
  const others = theirs.filter((family) => !ours.includes(family));
  if (remote.kind !== "name" && theirs.length < 2 && others.length > 0)
    report([...path, "remote"], `IPv${others.join()}, but local is IPv${ours.join()}`);
  else if (remote.kind === "any" && remote.prefixes.length > 0 && others.length > 0)
    report([...path, "remote"], `prefixes of IPv${others.join()} too, but local is IPv${ours.join()}`);
  const { local_port: localPort = UDP_PORT_L2TP, remote_port: remotePort = UDP_PORT_L2TP } = tunnel;
  if (
    local.kind === "address" &&
    remote.kind === "address" &&
    local.address === remote.address &&
    (tunnel.encapsulation === "ip" || localPort === remotePort)
  )
    report(
      [...path, "remote"],
      "the same as local: a tunnel leads to another LCCE",
      ["encapsulation", "local_port", "remote_port"].map((key) => [...path, key]),
    );
  if (remote.kind !== "any") return;
  if (tunnel.control === "static")
    report(
      [...path, "remote"],
      "any needs a control connection: with control: static the peer proves nothing",
    );
  else if (authenticationModeOf(tunnel) !== "digest")
    report(
      [...path, "remote"],
      "any needs a secret, by which a peer proves who it is: give secret: { file: PATH }",
    );
  if (tunnel.role === "initiator")
    report([...path, "role"], "with remote: any there is nobody to call; the peer opens the connection");
  if (tunnel.remote_port !== undefined)
    report([...path, "remote_port"], "a peer of any address comes from a port of its own: leave it out");
}

/** Static sessions whose peer is followed by its cookies. */
function checkFollow(path: readonly string[], tunnel: RawTunnel, report: ReportIssue): void {
  if (tunnel.follow === "none") return;
  if (tunnel.control !== "static")
    return report([...path, "follow"], "only with control: static; a control connection follows by itself");
  for (const [name, { static: session }] of Object.entries(tunnel.pseudowires)) {
    if (session !== undefined && session.receive_cookie.length !== FOLLOWED_COOKIE_DIGITS)
      report(
        [...path, "pseudowires", name, "static", "receive_cookie"],
        "follow: cookie needs 8 octets, 16 hexadecimal digits: a shorter one can be guessed",
      );
  }
}

/** The authentication of a tunnel, by its keys. */
function authenticationModeOf({ authentication, secret }: RawTunnel): "digest" | "integrity" | "none" {
  return authentication ?? (secret === undefined ? "none" : "digest");
}

function checkAuthentication(path: readonly string[], tunnel: RawTunnel, report: ReportIssue): void {
  const mode = authenticationModeOf(tunnel);
  // An empty secret (RFC 3931 §4.1.1.2) is one that everybody has: it must not look like authentication.
  if (tunnel.authentication === "digest" && tunnel.control === "static")
    report([...path, "authentication"], "of no use with control: static");
  else if (mode === "digest" && tunnel.secret === undefined && tunnel.next_secret === undefined)
    report(
      [...path, "authentication"],
      "digest needs a secret, the same at both ends: give secret: { file: PATH }; without any, integrity " +
        "finds damage and proves nothing else",
    );
  for (const key of ["secret", "next_secret"] as const) {
    const secret = tunnel[key];
    if (secret === undefined) continue;
    // Without `authentication`, a secret asks for digests; next_secret alone is reported below.
    if (mode !== "digest" && tunnel.authentication !== undefined)
      report([...path, key], `of no use with authentication ${mode}`);
    if (tunnel.control === "static") report([...path, key], "of no use with control: static");
  }
  if (tunnel.next_secret !== undefined && tunnel.secret === undefined)
    report([...path, "next_secret"], "needs secret too");
  if (tunnel.roaming === "control" && (mode !== "digest" || tunnel.control === "static"))
    report([...path, "roaming"], "control needs a control connection and authentication by digest");
  if (tunnel.hide_avps && mode !== "digest")
    report([...path, "hide_avps"], "needs authentication by digest, with a secret");
}

function checkPseudowire(
  path: readonly string[],
  pseudowire: RawPseudowire,
  tunnel: RawTunnel,
  report: ReportIssue,
): void {
  const { circuit } = pseudowire;
  if ((circuit.interface === undefined) === (circuit.tap === undefined)) {
    report([...path, "circuit"], "wanted either interface or tap");
  }
  if (circuit.interface === "lo") {
    report([...path, "circuit", "interface"], "lo is the machine's own loopback, not an Ethernet interface");
  }
  if (circuit.bridge !== undefined && circuit.tap === undefined) {
    report([...path, "circuit", "bridge"], "only a TAP device is put into a bridge by us", [
      [...path, "circuit", "tap"],
    ]);
  }
  checkFollowPeer([...path, "circuit"], circuit, report);
  if (circuit.vlan === undefined && circuit.vlan_on_pseudowire !== undefined) {
    report([...path, "circuit", "vlan_on_pseudowire"], "needs vlan too");
  }
  if (pseudowire.type === "ethernet-vlan" && circuit.vlan === undefined) {
    report(
      [...path, "type"],
      "a VLAN pseudowire needs circuit.vlan; for a whole port use type: ethernet at both ends",
    );
  }
  const { sublayer, sequencing } = checkSublayer(path, pseudowire, tunnel, report);
  const staticSession = pseudowire.static;
  if (tunnel.control === "static" && staticSession === undefined)
    report(path, "needs static: with ids and cookies");
  if (tunnel.control !== "static" && staticSession !== undefined) {
    report([...path, "static"], "only in a tunnel with control: static");
  }
  for (const key of ["receive_cookie", "transmit_cookie"] as const) {
    if (staticSession !== undefined && !COOKIE_DIGITS.includes(staticSession[key].length)) {
      report([...path, "static", key], "wanted 0, 4 or 8 octets: 0, 8 or 16 hexadecimal digits");
    }
  }
  const transmitted = staticSession?.transmit_sequencing ?? sequencing;
  if (
    staticSession !== undefined &&
    transmitted !== "none" &&
    (staticSession.transmit_sublayer ?? sublayer) === "none"
  ) {
    report([...path, "static", "transmit_sequencing"], "needs transmit_sublayer: default");
  }
}

/** Each kind of device follows the other end in its own way. */
function checkFollowPeer(path: readonly string[], circuit: RawCircuit, report: ReportIssue): void {
  const { follow_peer: follow, tap } = circuit;
  const at = [...path, "follow_peer"];
  if (follow === "carrier" && tap === undefined)
    report(at, "the carrier of an interface is not ours to switch; wanted link-down or none", [
      [...path, "tap"],
    ]);
  if (follow === "link-down" && tap !== undefined)
    report(at, "only an interface is switched off; wanted carrier or none", [[...path, "interface"]]);
}
