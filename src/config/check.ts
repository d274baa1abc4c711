import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { routerIdOf } from "./address.ts";
import { checkBridges } from "./check-bridges.ts";
import { checkHttp } from "./check-http.ts";
import { checkPeer } from "./check-peer.ts";
import { checkSublayer } from "./check-sublayer.ts";
import { CircuitConflicts, circuitParts } from "./circuits.ts";
import { familiesOf, localEndOf, localText, remoteEndOf, remoteText } from "./ends.ts";
import type { RawCircuit, RawConfig, RawPseudowire, RawTunnel } from "./fields.ts";
import type { Issue, ReportIssue } from "./issues.ts";
import { followPeerByDefault } from "./pseudowire-rows.ts";

type IsRemoved = (path: readonly PropertyKey[]) => boolean;
const COOKIE_DIGITS = [0, 8, 16];
const FOLLOWED_COOKIE_DIGITS = 16;
/** Pairs of keys with the first and the longest of growing pauses. */
const pauses = [
  ["retransmit_initial_ms", "retransmit_cap_ms"],
  ["reconnect_initial_s", "reconnect_cap_s"],
] as const;

/** All issues between keys, which no single key can show. */
export function checkConfig(config: RawConfig): readonly Issue[] {
  const tunnels = Object.entries(config.tunnels);
  const none = tunnels.length === 0 ? [{ path: ["tunnels"], message: "there is no tunnel" }] : [];
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
  const clash: ReportIssue = (path, message, of = []) => issues.push({ path, message, of, isClash: true });
  checkAcross(tunnels, clash, isRemoved);
  return issues;
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

/** Values that only one owner may have; the second claim of one is reported. */
class UniqueValues {
  readonly #owners = new Map<string, string>();

  claim(key: string, owner: string, onTaken: (first: string) => void): void {
    const first = this.#owners.get(key);
    if (first === undefined) this.#owners.set(key, owner);
    else onTaken(first);
  }
}

/** Keys that must be equal in tunnels that share a socket. */
const socketKeys = ["fragmentation", "udp_checksum", "gso", "control_dscp"] as const;

function checkSocket(
  path: readonly string[],
  tunnel: RawTunnel,
  [firstName, first]: NamedTunnel,
  report: ReportIssue,
): void {
  const from = tunnel.local ?? "the route's address";
  // Over IP there are no ports that would tell two sockets apart.
  const another = tunnel.encapsulation === "udp" ? "local_port" : "local address";
  for (const key of socketKeys) {
    if (first[key] !== tunnel[key])
      report(
        [...path, key],
        `tunnel ${firstName}, from ${from} too, shares the socket and says ${first[key]}: ` +
          `set ${key}: ${tunnel[key]} for all of them, in \`tunnel\` of \`defaults\`, ` +
          `or give this tunnel another ${another}`,
        [["tunnels", firstName, key]],
      );
  }
}

type NamedTunnel = readonly [name: string, tunnel: RawTunnel];

/** Keys that together identify a tunnel. */
const endKeys = [
  "local",
  "remote",
  "encapsulation",
  "local_port",
  "remote_port",
  "peer_host_name",
  "peer_router_id",
] as const;

/** Claims the ends of a tunnel: the peers of two tunnels must differ in something that an SCCRQ shows. */
function claimEnds(path: readonly string[], tunnel: RawTunnel, localEnd: string, claims: Claims): void {
  const remote = remoteEndOf(tunnel.remote);
  const { peer_host_name: hostName, peer_router_id: routerId, remote_port: port } = tunnel;
  const peer = JSON.stringify([hostName, routerId === undefined ? undefined : routerIdOf(routerId)]);
  const { ends, tunnelName, report } = claims;
  if (remote.kind !== "any") {
    ends.claim(`${localEnd} ${remoteText(remote)} ${port ?? UDP_PORT_L2TP} ${peer}`, tunnelName, (first) =>
      report([...path, "remote"], `tunnel ${first} has the same ends`),
    );
    return;
  }
  const key = (["peer_host_name", "peer_router_id"] as const).find((one) => tunnel[one] !== undefined);
  const same = key === undefined ? "" : `, which has the same ${key}`;
  for (const prefix of remote.prefixes.length > 0 ? remote.prefixes : [""])
    ends.claim(`${localEnd} any ${prefix} ${peer}`, tunnelName, (first) =>
      report(
        [...path, key ?? "remote"],
        `nothing tells peers of this tunnel from those of tunnel ${first}${same}: give each ` +
          `${key === undefined ? "a" : "another"} peer_host_name or peer_router_id, which are looked at ` +
          "before any secret is",
      ),
    );
}

interface Claims {
  readonly ends: UniqueValues;
  readonly tunnelName: string;
  readonly report: ReportIssue;
}

function checkAcross(
  tunnels: readonly [string, RawTunnel][],
  report: ReportIssue,
  isRemoved: IsRemoved,
): void {
  const ends = new UniqueValues();
  const names = new UniqueValues();
  const sessionIds = new UniqueValues();
  const devices = new Devices(report);
  const ofSockets = new Map<string, NamedTunnel>();
  for (const [tunnelName, tunnel] of tunnels) {
    const path = ["tunnels", tunnelName];
    if (!endKeys.some((key) => isRemoved([...path, key]))) {
      const local = localText(localEndOf(tunnel.local)) ?? "";
      const localEnd = `${tunnel.encapsulation} ${local} ${tunnel.local_port ?? UDP_PORT_L2TP}`;
      claimEnds(path, tunnel, localEnd, { ends, tunnelName, report });
      const named = [tunnelName, tunnel] as const;
      checkSocket(path, tunnel, ofSockets.get(localEnd) ?? named, report);
      if (!ofSockets.has(localEnd)) ofSockets.set(localEnd, named);
    }
    const endIds = new UniqueValues();
    for (const [name, pseudowire] of Object.entries(tunnel.pseudowires)) {
      const at = [...path, "pseudowires", name];
      names.claim(name, tunnelName, (first) => report(at, takenNameText(first, name, pseudowire)));
      if (!isRemoved([...at, "remote_end_id"]))
        endIds.claim(JSON.stringify(pseudowire.remote_end_id ?? name), name, (first) => {
          report([...at, "remote_end_id"], `pseudowire ${first} has the same`);
        });
      if (!isRemoved([...at, "circuit"])) devices.claim(at, name, pseudowire);
      const id = pseudowire.static?.local_session_id;
      if (id === undefined) continue;
      sessionIds.claim(String(id), name, (first) =>
        report([...at, "static", "local_session_id"], `pseudowire ${first} has it`),
      );
    }
  }
}

/** What to write for a pseudowire whose name one of another tunnel has: the peer goes on calling it so. */
function takenNameText(first: string, name: string, { remote_end_id, static: fixed }: RawPseudowire): string {
  const called =
    remote_end_id === undefined && fixed === undefined
      ? ` and write remote_end_id: "${name}", by which the peer calls it`
      : "";
  return `tunnel ${first} has a pseudowire of this name: give it another name${called}`;
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

/** Devices of attachment circuits, and the pseudowires that use each of them or its VLANs. */
class Devices {
  readonly #report: ReportIssue;
  readonly #conflicts = new CircuitConflicts();

  constructor(report: ReportIssue) {
    this.#report = report;
  }

  claim(at: readonly string[], name: string, { circuit: raw }: RawPseudowire): void {
    if (raw.tap === undefined && raw.interface === undefined) return;
    const kind = raw.tap === undefined ? "interface" : "tap";
    const [device, vlan] = [circuitParts.device(raw), circuitParts.vlan(raw)];
    const circuit = {
      kind,
      device,
      ...(raw.bridge === undefined ? {} : { bridge: raw.bridge }),
      followPeer: raw.follow_peer ?? followPeerByDefault(kind),
      ...(vlan === undefined ? {} : { vlan }),
    } as const;
    const path = [...at, "circuit"];
    for (const conflict of this.#conflicts.of(circuit)) {
      if (conflict.kind === "device kind")
        this.#report([...path, kind], `${device} is used as interface and as tap`);
      else if (conflict.kind === "bridge")
        this.#report(path, `another pseudowire puts ${device} into ${conflict.bridge}`);
      else if (conflict.kind === "follow peer")
        this.#report([...path, "follow_peer"], `another pseudowire on ${device} has ${conflict.follow}`);
      else if (conflict.kind === "port")
        this.#report([...path, kind], `${device} is used by pseudowire ${conflict.owner} too`);
      else if (conflict.kind === "in port")
        this.#report([...path, kind], `${device} is used as a whole by pseudowire ${conflict.owner}`);
      else this.#report([...path, "vlan"], `pseudowire ${conflict.owner} carries this VLAN of ${device}`);
    }
    this.#conflicts.add(circuit, name);
  }
}
