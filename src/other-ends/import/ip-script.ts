import { type Draft, numberIn } from "./draft.ts";
import { draftKernel, type ShownDevice, type ShownSession, type ShownTunnel } from "./kernel-sessions.ts";
import { joinedLines, unquoted } from "./lines.ts";

/** Scripts of `ip l2tp add tunnel` and `ip l2tp add session`, also in the form of `ip -batch`. */

/** Commands beside those of `ip` that need nothing in place of them. */
const harmless = /^(#!.*|set [-+][a-z]+|modprobe (-a )?(l2tp\w*|8021q| )+|exit 0|true)$/;

/** TABLE: words of `ip l2tp add`, with those that mean the same. */
const aliases: Readonly<Record<string, string>> = {
  tid: "tunnel_id",
  ptid: "peer_tunnel_id",
  sid: "session_id",
  psid: "peer_session_id",
};
const tunnelWords = new Set([
  ...["tunnel_id", "peer_tunnel_id", "encap", "local", "remote", "udp_sport", "udp_dport"],
  ...["udp_csum", "udp6_csum_tx", "udp6_csum_rx"],
]);
const sessionWords = new Set([
  ...["name", "tunnel_id", "session_id", "peer_session_id", "cookie", "peer_cookie", "l2spec_type", "seq"],
]);

interface Found {
  readonly draft: Draft;
  readonly tunnels: ShownTunnel[];
  readonly sessions: ShownSession[];
  readonly devices: Map<string, ShownDevice>;
  /** VLAN devices on interfaces of sessions. */
  readonly vlanDevices: Set<string>;
}

/** Adds what a script makes to a draft. */
export function readIpScript(text: string, draft: Draft): void {
  const found: Found = { draft, tunnels: [], sessions: [], devices: new Map(), vlanDevices: new Set() };
  for (const { line, text: whole } of joinedLines(text)) {
    for (const command of commandsIn(whole)) readCommand(command, line, found);
  }
  draftKernel(draft, found.tunnels, found.sessions, found.devices);
}

/** The commands of a line, without a comment behind them. */
function commandsIn(line: string): readonly string[] {
  if (line.startsWith("#!")) return [line];
  const code = line.replace(/(^|\s)#.*$/, "");
  return code.split(/&&|;/).flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
}

function readCommand(command: string, line: number, found: Found): void {
  if (harmless.test(command)) return;
  const words = command.split(/\s+/).map(unquoted);
  if (words[0] === "sudo") words.shift();
  if (/^(\/\S*\/)?ip$/.test(words[0] ?? "")) {
    words.shift();
    while (words[0]?.startsWith("-")) {
      const [option = ""] = words.splice(0, 1);
      if (/^-(n|netns)$/.test(option)) {
        found.draft.lose(
          line,
          `${option} ${words.shift() ?? ""}`,
          "start the daemon in that network namespace",
        );
      }
    }
  }
  const [object, verb, kind, ...rest] = words;
  if (object === "l2tp" && verb === "add" && (kind === "tunnel" || kind === "session")) {
    if (/[$`]/.test(command))
      return found.draft.lose(line, command, "variables are not expanded: write the values", true);
    if (kind === "tunnel") return addTunnel(rest, line, command, found);
    return addSession(rest, line, command, found);
  }
  if (object === "link" && verb === "set" && setLink(words.slice(2), line, found)) return;
  if (object === "link" && verb === "add" && addVlan(words.slice(2), found)) return;
  found.draft.lose(line, command, whyNot(words));
}

function whyNot([object, verb]: readonly string[]): string {
  if (object === "addr" || object === "address" || object === "route")
    return "addresses and routes stay your own: the TAP device takes them as the former interface did";
  if (object === "link" || object === "bridge" || object === "brctl")
    return "other interfaces and bridges are not made by this file";
  if (object === "l2tp" && verb !== "add") return "nothing is removed or shown by a file";
  return "no command of ip l2tp";
}

/** The values of words, by their names. */
function valuesOf(
  words: readonly string[],
  known: ReadonlySet<string>,
  line: number,
  { draft }: Found,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (let index = 0; index < words.length; index += 2) {
    const [given = "", value] = [words[index], words[index + 1]];
    const name = aliases[given] ?? given;
    if (value === undefined) draft.lose(line, given, "has no value", true);
    else if (known.has(name)) values.set(name, value);
    else draft.lose(line, `${given} ${value}`, `${given} has nothing like it here`);
  }
  return values;
}

function addTunnel(words: readonly string[], line: number, command: string, found: Found): void {
  const values = valuesOf(words, tunnelWords, line, found);
  const id = numberIn(values.get("tunnel_id"));
  if (id === undefined) return found.draft.lose(line, command, "has no tunnel_id", true);
  const remote = values.get("remote");
  if (remote === undefined) found.draft.lose(line, command, "has no remote", true);
  const isV6 = remote?.includes(":") === true;
  const zero = values.get("udp6_csum_tx") === "off" && values.get("udp6_csum_rx") === "off";
  const oneWay = !zero && (values.get("udp6_csum_tx") === "off" || values.get("udp6_csum_rx") === "off");
  if (isV6 && oneWay)
    found.draft.lose(line, command, "udp_checksum: zero is of both directions: it is left out here");
  found.tunnels.push({
    line,
    id,
    local: values.get("local"),
    remote,
    encapsulation: values.get("encap") === "ip" ? "ip" : "udp",
    localPort: numberIn(values.get("udp_sport")),
    remotePort: numberIn(values.get("udp_dport")),
    checksum: isV6 ? (zero ? "zero" : undefined) : values.get("udp_csum") === "on" ? "full" : undefined,
  });
}

function addSession(words: readonly string[], line: number, command: string, found: Found): void {
  const values = valuesOf(words, sessionWords, line, found);
  const tunnelId = numberIn(values.get("tunnel_id"));
  const localSessionId = numberIn(values.get("session_id"));
  const remoteSessionId = numberIn(values.get("peer_session_id"));
  if (tunnelId === undefined || localSessionId === undefined || remoteSessionId === undefined)
    return found.draft.lose(line, command, "needs tunnel_id, session_id and peer_session_id", true);
  const seq = values.get("seq");
  found.sessions.push({
    line,
    tunnelId,
    device: values.get("name"),
    localSessionId,
    remoteSessionId,
    cookie: values.get("cookie"),
    peerCookie: values.get("peer_cookie"),
    sublayer: values.get("l2spec_type") === "none" ? "none" : "default",
    sends: seq === "send" || seq === "both",
    receives: seq === "recv" || seq === "both",
  });
}

function deviceOf(name: string, { devices }: Found): ShownDevice {
  const known = devices.get(name) ?? {};
  devices.set(name, known);
  return known;
}

/** `ip link set DEVICE ...`; false for one that is not about an interface of a session. */
function setLink(words: readonly string[], line: number, found: Found): boolean {
  const [name = "", ...rest] = words[0] === "dev" ? words.slice(1) : words;
  if (found.vlanDevices.has(name)) return rest.every((word) => word === "up");
  if (!found.sessions.some(({ device }) => device === name)) return false;
  const device = deviceOf(name, found);
  for (let index = 0; index < rest.length; index += 1) {
    const [word, value = ""] = [rest[index] ?? "", rest[index + 1]];
    if (word === "up") continue;
    const mtu = numberIn(value);
    if (word === "mtu" && mtu !== undefined) device.mtu = mtu;
    else if (word === "master") device.bridge = value;
    else found.draft.lose(line, `${word} ${value}`, `the TAP device ${name} does not get it from this file`);
    index += 1;
  }
  return true;
}

/** `ip link add link SESSION name ... type vlan id N`; false for anything else. */
function addVlan(words: readonly string[], found: Found): boolean {
  const match = /^link (\S+) name (\S+) type vlan( (?:proto|protocol) (802\.1(?:ad|q)))? id (\d{1,4})$/i.exec(
    words.join(" "),
  );
  const [, parent = "", name = "", , protocol, id] = match ?? [];
  const vlan = numberIn(id);
  if (vlan === undefined || !found.sessions.some(({ device }) => device === parent)) return false;
  const device = deviceOf(parent, found);
  if (device.vlan !== undefined) return false;
  device.vlan = vlan;
  if (protocol?.toLowerCase() === "802.1ad") device.vlanProtocol = "802.1ad";
  found.vlanDevices.add(name);
  return true;
}
