import { canonicalAddress, routerIdOf } from "./address.ts";
import type { RawConfig, RawPseudowire, RawTunnel } from "./fields.ts";

/** Something wrong, with the path of the key it is about. */
export interface Complaint {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Whether the key itself is meant, and not its value. */
  readonly atKey?: boolean;
}

type IsGone = (path: readonly PropertyKey[]) => boolean;
type Say = (path: readonly PropertyKey[], message: string) => void;

const UDP_PORT = 1701;
const COOKIE_DIGITS = [0, 8, 16];
/** Pauses that grow from the first key's value to the second's. */
const pauses = [
  ["retransmit_initial_ms", "retransmit_cap_ms"],
  ["reconnect_initial_s", "reconnect_cap_s"],
] as const;

/** What no single key can tell: everything that is wrong between keys, all at once. */
export function checkConfig(config: RawConfig): readonly Complaint[] {
  const tunnels = Object.entries(config.tunnels);
  const none = tunnels.length === 0 ? [{ path: ["tunnels"], message: "there is no tunnel" }] : [];
  return [...checkLcce(config.lcce), ...none, ...checkTunnels(tunnels)];
}

export function checkLcce({ router_id: id }: RawConfig["lcce"]): readonly Complaint[] {
  if (id === undefined || routerIdOf(id) !== undefined) return [];
  return [{ path: ["lcce", "router_id"], message: "wanted a dotted quad or a number" }];
}

/**
 * `isGone` tells of keys that were taken out of the tunnels because they are wrong on their own, or have something within them that is:
 * from what stands there instead nothing follows for others.
 */
export function checkTunnels(
  tunnels: readonly [string, RawTunnel][],
  isGone: IsGone = () => false,
): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const say: Say = (path, message) => complaints.push({ path, message });
  for (const [name, tunnel] of tunnels) checkTunnel(["tunnels", name], tunnel, say);
  checkAcross(tunnels, say, isGone);
  return complaints;
}

function checkTunnel(path: readonly string[], tunnel: RawTunnel, say: Say): void {
  const local = canonicalAddress(tunnel.local);
  const remote = canonicalAddress(tunnel.remote);
  if (local && remote && local.family !== remote.family) {
    say([...path, "remote"], `IPv${remote.family}, but local is IPv${local.family}`);
  }
  const { local_port: localPort = UDP_PORT, remote_port: remotePort = UDP_PORT } = tunnel;
  if (local?.text === remote?.text && (tunnel.encapsulation === "ip" || localPort === remotePort)) {
    say([...path, "remote"], "the same as local: a tunnel leads to another LCCE");
  }
  for (const key of ["local_port", "remote_port"] as const) {
    if (tunnel.encapsulation === "ip" && tunnel[key] !== undefined)
      say([...path, key], "IP protocol 115 has no ports");
  }
  for (const [initial, cap] of pauses) {
    if (tunnel[initial] > tunnel[cap]) say([...path, initial], `more than ${cap}, which is ${tunnel[cap]}`);
  }
  checkAuthentication(path, tunnel, say);
  if (tunnel.peer_router_id !== undefined && routerIdOf(tunnel.peer_router_id) === undefined) {
    say([...path, "peer_router_id"], "wanted a dotted quad or a number");
  }
  for (const [name, pseudowire] of Object.entries(tunnel.pseudowires)) {
    checkPseudowire([...path, "pseudowires", name], pseudowire, tunnel, say);
  }
}

function checkAuthentication(path: readonly string[], tunnel: RawTunnel, say: Say): void {
  const mode = tunnel.authentication ?? (tunnel.secret === undefined ? "none" : "digest");
  // An empty secret, which RFC 3931 §4.1.1.2 knows, is one that everybody has: it must not look like authentication.
  if (tunnel.authentication === "digest" && tunnel.control === "static")
    say([...path, "authentication"], "of no use with control: static");
  else if (mode === "digest" && tunnel.secret === undefined && tunnel.next_secret === undefined)
    say(
      [...path, "authentication"],
      "digest needs a secret, the same at both ends: give secret: { file: PATH }; without any, integrity finds damage and proves nothing else",
    );
  for (const key of ["secret", "next_secret"] as const) {
    const secret = tunnel[key];
    if (secret === undefined) continue;
    // Where nothing is said of authentication, a secret asks for digests, and next_secret lacks it.
    if (mode !== "digest" && tunnel.authentication !== undefined)
      say([...path, key], `of no use with authentication ${mode}`);
    if (tunnel.control === "static") say([...path, key], "of no use with control: static");
  }
  if (tunnel.next_secret !== undefined && tunnel.secret === undefined)
    say([...path, "next_secret"], "needs secret too");
  if (tunnel.hide_avps && mode !== "digest")
    say([...path, "hide_avps"], "needs authentication by digest, with a secret");
}

function checkPseudowire(
  path: readonly string[],
  pseudowire: RawPseudowire,
  tunnel: RawTunnel,
  say: Say,
): void {
  const { circuit } = pseudowire;
  if ((circuit.interface === undefined) === (circuit.tap === undefined)) {
    say([...path, "circuit"], "wanted either interface or tap");
  }
  if (circuit.interface === "lo") {
    say([...path, "circuit", "interface"], "lo is the machine's own loopback, not an Ethernet interface");
  }
  if (circuit.bridge !== undefined && circuit.tap === undefined) {
    say([...path, "circuit", "bridge"], "only a TAP device is put into a bridge by us");
  }
  if (circuit.vlan === undefined && circuit.vlan_on_pseudowire !== undefined) {
    say([...path, "circuit", "vlan_on_pseudowire"], "needs vlan too");
  }
  if (pseudowire.type === "ethernet-vlan" && circuit.vlan === undefined) {
    say(
      [...path, "type"],
      "a VLAN pseudowire needs circuit.vlan; for a whole port use type: ethernet at both ends",
    );
  }
  if (pseudowire.sequencing !== "none" && pseudowire.sublayer === "none") {
    say([...path, "sequencing"], "needs sublayer: default, which carries the numbers");
  }
  const fixed = pseudowire.static;
  if (tunnel.control === "static" && fixed === undefined) say(path, "needs static: with ids and cookies");
  if (tunnel.control !== "static" && fixed !== undefined) {
    say([...path, "static"], "only in a tunnel with control: static");
  }
  for (const key of ["receive_cookie", "transmit_cookie"] as const) {
    if (fixed !== undefined && !COOKIE_DIGITS.includes(fixed[key].length)) {
      say([...path, "static", key], "wanted 0, 4 or 8 octets: 0, 8 or 16 hexadecimal digits");
    }
  }
  const sequencing = fixed?.transmit_sequencing ?? pseudowire.sequencing;
  if (
    fixed !== undefined &&
    sequencing !== "none" &&
    (fixed.transmit_sublayer ?? pseudowire.sublayer) === "none"
  ) {
    say([...path, "static", "transmit_sequencing"], "needs transmit_sublayer: default");
  }
}

/** Remembers what is taken and complains at the second one. */
class Taken {
  readonly #owners = new Map<string, string>();

  claim(key: string, owner: string, complain: (first: string) => void): void {
    const first = this.#owners.get(key);
    if (first === undefined) this.#owners.set(key, owner);
    else complain(first);
  }
}

/** What tunnels that share a socket must agree on. */
const socketKeys = ["fragmentation", "udp_checksum", "gso", "control_dscp"] as const;

function checkSocket(path: readonly string[], tunnel: RawTunnel, first: RawTunnel, say: Say): void {
  for (const key of socketKeys) {
    if (first[key] !== tunnel[key])
      say([...path, key], `another tunnel from ${tunnel.local} shares the socket and says ${first[key]}`);
  }
}

/** By what tunnels are told apart. */
const endKeys = ["local", "remote", "encapsulation", "local_port", "remote_port"] as const;

function checkAcross(tunnels: readonly [string, RawTunnel][], say: Say, isGone: IsGone): void {
  const ends = new Taken();
  const names = new Taken();
  const sessionIds = new Taken();
  const devices = new Devices(say);
  const ofSockets = new Map<string, RawTunnel>();
  for (const [tunnelName, tunnel] of tunnels) {
    const path = ["tunnels", tunnelName];
    if (!endKeys.some((key) => isGone([...path, key]))) {
      const [local, remote] = [tunnel.local, tunnel.remote].map(
        (text) => canonicalAddress(text)?.text ?? text,
      );
      const localEnd = `${tunnel.encapsulation} ${local} ${tunnel.local_port ?? UDP_PORT}`;
      ends.claim(`${localEnd} ${remote} ${tunnel.remote_port ?? UDP_PORT}`, tunnelName, (first) => {
        say([...path, "remote"], `tunnel ${first} has the same ends`);
      });
      checkSocket(path, tunnel, ofSockets.get(localEnd) ?? tunnel, say);
      if (!ofSockets.has(localEnd)) ofSockets.set(localEnd, tunnel);
    }
    const endIds = new Taken();
    for (const [name, pseudowire] of Object.entries(tunnel.pseudowires)) {
      const at = [...path, "pseudowires", name];
      names.claim(name, tunnelName, (first) => say(at, `tunnel ${first} has a pseudowire of this name`));
      if (!isGone([...at, "remote_end_id"]))
        endIds.claim(JSON.stringify(pseudowire.remote_end_id ?? name), name, (first) => {
          say([...at, "remote_end_id"], `pseudowire ${first} has the same`);
        });
      if (!isGone([...at, "circuit"])) devices.claim(at, name, pseudowire);
      const id = pseudowire.static?.local_session_id;
      if (id === undefined) continue;
      sessionIds.claim(String(id), name, (first) =>
        say([...at, "static", "local_session_id"], `pseudowire ${first} has it`),
      );
    }
  }
}

/** Who uses which device, and what of it. */
class Devices {
  readonly #say: Say;
  readonly #kinds = new Map<string, string>();
  readonly #bridges = new Map<string, string>();
  readonly #uses = new Map<string, Map<string, string>>();

  constructor(say: Say) {
    this.#say = say;
  }

  claim(at: readonly string[], name: string, { circuit }: RawPseudowire): void {
    const kind = circuit.tap === undefined ? "interface" : "tap";
    const device = circuit.tap ?? circuit.interface;
    if (device === undefined) return;
    const path = [...at, "circuit", kind];
    // From two kinds nothing follows for what is put into a bridge, or carried of it.
    if ((this.#kinds.get(device) ?? kind) !== kind)
      return this.#say(path, `${device} is used as interface and as tap`);
    this.#kinds.set(device, kind);
    const bridge = (kind === "tap" ? circuit.bridge : undefined) ?? "no bridge";
    if ((this.#bridges.get(device) ?? bridge) !== bridge)
      this.#say([...at, "circuit"], `another pseudowire puts ${device} into ${this.#bridges.get(device)}`);
    else this.#bridges.set(device, bridge);
    const uses = this.#uses.get(device) ?? new Map<string, string>();
    this.#uses.set(device, uses);
    const part = circuit.vlan === undefined ? "port" : `${circuit.vlan_protocol} ${circuit.vlan}`;
    const same = uses.get(part);
    const whole = uses.get("port");
    if (part === "port" && uses.size > 0)
      this.#say(path, `${device} is used by pseudowire ${[...uses.values()][0]} too`);
    else if (whole !== undefined) this.#say(path, `${device} is used as a whole by pseudowire ${whole}`);
    else if (same !== undefined)
      this.#say([...at, "circuit", "vlan"], `pseudowire ${same} carries this VLAN of ${device}`);
    uses.set(part, name);
  }
}
