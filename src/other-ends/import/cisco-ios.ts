import { type WrittenKeys, withoutGaps } from "../written-keys.ts";
import { type Draft, type DraftTunnel, numberIn } from "./draft.ts";
import { linesIn, type NumberedLine } from "./lines.ts";

/** Configurations of Cisco IOS: `l2tp-class`, `pseudowire-class`, and interfaces with `xconnect`. */

/** A line with those that belong to it. */
interface Section {
  readonly line: number;
  readonly words: readonly string[];
  readonly inner: NumberedLine[];
}

type Readers = Readonly<Record<string, (draft: Draft, sections: Classes, section: Section) => void>>;

interface ControlClass {
  readonly keys: WrittenKeys;
  readonly cookie: number;
}

interface PseudowireClass {
  readonly controlClass: string | undefined;
  readonly isStatic: boolean;
  readonly sends: boolean;
  readonly receives: boolean;
  readonly localInterface: string | undefined;
}

interface Classes {
  readonly controls: Map<string, ControlClass>;
  readonly pseudowires: Map<string, PseudowireClass>;
  /** IPv4 addresses of interfaces. */
  readonly addresses: Map<string, string>;
  /** How many circuits have got a name of an interface. */
  circuits: number;
}

/** Lines that need nothing in place of them. */
const harmless = /^(!.*|exit|end|no shutdown|no ip address|vpdn enable|ip cef)$/;
const DIGEST = /^digest secret( [07])? \S+( hash (\S+))?$/i;

/** Adds the pseudowires of a configuration to a draft. */
export function readCiscoIos(text: string, draft: Draft): void {
  const sections = sectionsIn(text, draft);
  const classes: Classes = {
    controls: new Map(),
    pseudowires: new Map(),
    addresses: new Map(),
    circuits: 0,
  };
  for (const section of sections) readAddress(section, classes);
  for (const kind of ["l2tp-class", "pseudowire-class", "interface"]) {
    for (const section of sections)
      if (section.words[0]?.toLowerCase() === kind) readers[kind]?.(draft, classes, section);
  }
}

/** TABLE: what is read of each kind of section. */
const readers: Readers = {
  "l2tp-class": readControlClass,
  "pseudowire-class": readPseudowireClass,
  interface: readInterface,
};

/** Lines without an indent, with the indented ones behind them; others are not taken over. */
function sectionsIn(text: string, draft: Draft): readonly Section[] {
  const sections: Section[] = [];
  let last: Section | undefined;
  for (const { line, text: whole } of linesIn(text)) {
    const each = whole.trim();
    if (harmless.test(each)) continue;
    if (/^\s/.test(whole) && last !== undefined) last.inner.push({ line, text: each });
    else {
      last = { line, words: each.split(/\s+/), inner: [] };
      if (Object.hasOwn(readers, last.words[0]?.toLowerCase() ?? "")) sections.push(last);
      else draft.lose(line, each, "is not about L2TPv3");
    }
  }
  return sections;
}

function readAddress({ words, inner }: Section, { addresses }: Classes): void {
  for (const { text } of inner) {
    const [, address] = /^ip address (\d+\.\d+\.\d+\.\d+)/i.exec(text) ?? [];
    if (address !== undefined && words[1] !== undefined) addresses.set(words[1].toLowerCase(), address);
  }
}

function readControlClass(draft: Draft, { controls }: Classes, { words, inner }: Section): void {
  const name = words[1] ?? "";
  const keys: WrittenKeys = {};
  let cookie = 0;
  for (const { line, text } of inner) {
    const [first = "", second, third] = text.split(/\s+/);
    const number = numberIn(second);
    if (first === "hello" && number !== undefined) keys["hello_interval_s"] = number;
    else if (first === "receive-window" && number !== undefined) keys["receive_window"] = number;
    else if (first === "hidden") keys["hide_avps"] = true;
    else if (first === "hostname" && second !== undefined) draft.lcce["host_name"] = second;
    else if (first === "cookie" && second === "size") cookie = numberIn(third) ?? 0;
    else if (first === "digest") readDigest(draft, keys, name, line, text);
    else if (first === "authentication" || first === "password")
      draft.lose(
        line,
        `${first} ...`,
        "is a challenge of RFC 2661, which Wirespan does not know: use digest",
        true,
      );
    else draft.lose(line, text, "has nothing like it here");
  }
  controls.set(name, { keys, cookie });
}

/** The secret itself is not read. */
function readDigest(draft: Draft, keys: WrittenKeys, name: string, line: number, text: string): void {
  const match = DIGEST.exec(text);
  if (match === null) {
    keys["authentication"] = "integrity";
    if (text !== "digest" && !/^digest hash \S+$/i.test(text))
      draft.lose(
        line,
        "digest ...",
        "is not understood: write authentication, secret and digest by hand",
        true,
      );
    return;
  }
  const file = `/etc/wirespan/${name.replace(/[^A-Za-z0-9._-]/g, "-")}.secret`;
  keys["secret"] = { file };
  if (/^sha/i.test(match[3] ?? "")) keys["digest"] = "sha1";
  draft.choices.add(`secret: put that of l2tp-class ${name} into ${file}, readable by its owner alone.`);
}

function readPseudowireClass(draft: Draft, { pseudowires }: Classes, { words, inner }: Section): void {
  const found = {
    controlClass: undefined as string | undefined,
    isStatic: false,
    sends: false,
    receives: false,
  };
  let localInterface: string | undefined;
  for (const { line, text } of inner) {
    const parts = text.split(/\s+/);
    const [first = "", second = "", third] = parts;
    if (first === "encapsulation" && second === "l2tpv3") continue;
    if (first === "protocol" && second === "none") found.isStatic = true;
    else if (first === "protocol" && /^l2tpv3(ietf)?$/.test(second)) found.controlClass = third;
    else if (first === "sequencing" && /^(both|transmit|receive)$/.test(second)) {
      found.sends = second !== "receive";
      found.receives = second !== "transmit";
    } else if (/^ip local interface /.test(text)) localInterface = parts[3];
    else draft.lose(line, text, "has nothing like it here");
  }
  pseudowires.set(words[1] ?? "", { ...found, localInterface });
}

/** What is said of one pseudowire at an interface. */
interface Xconnect {
  readonly line: number;
  readonly remote: string;
  readonly id: number;
  readonly isStatic: boolean;
  readonly pseudowireClass: string | undefined;
  ids?: readonly [number, number];
  receiveCookie?: string;
  transmitCookie?: string;
}

function readInterface(draft: Draft, classes: Classes, { words, inner }: Section): void {
  const name = words.slice(1).join("");
  let vlan: WrittenKeys = {};
  let xconnect: Xconnect | undefined;
  const hasXconnect = inner.some(({ text }) => text.startsWith("xconnect "));
  for (const { line, text } of inner) {
    const [, kind, id] = /^encapsulation (dot1q|dot1ad) (\d+)$/i.exec(text) ?? [];
    if (kind !== undefined)
      vlan = { vlan: numberIn(id), ...(/ad$/i.test(kind) ? { vlan_protocol: "802.1ad" } : {}) };
    else if (text.startsWith("xconnect ")) {
      xconnect = xconnectOf(line, text);
      if (xconnect === undefined)
        draft.lose(line, text, "wanted xconnect ADDRESS ID ... pw-class NAME", true);
    } else if (/^l2tp (id|cookie) /.test(text)) {
      if (xconnect === undefined || !takeManual(xconnect, text))
        draft.lose(line, /cookie/.test(text) ? "l2tp cookie ..." : text, "is not understood", true);
    } else if (!isAddressInUse(name, text, classes))
      draft.lose(
        line,
        text,
        hasXconnect ? "has nothing like it here" : "is of an interface without xconnect",
      );
  }
  if (xconnect !== undefined) addXconnect(draft, classes, name, vlan, xconnect);
}

function isAddressInUse(name: string, text: string, { pseudowires }: Classes): boolean {
  const isNamed = [...pseudowires.values()].some(
    ({ localInterface }) => localInterface?.toLowerCase() === name.toLowerCase(),
  );
  return isNamed && /^ip address \S+ \S+$/i.test(text);
}

function xconnectOf(line: number, text: string): Xconnect | undefined {
  const [, remote, id, options = ""] = /^xconnect (\S+) (\d+)(.*)$/.exec(text) ?? [];
  const number = numberIn(id);
  if (remote === undefined || number === undefined || /encapsulation mpls/.test(options)) return undefined;
  const [, pseudowireClass] = /\bpw-class (\S+)/.exec(options) ?? [];
  return { line, remote, id: number, isStatic: /\bmanual\b/.test(options), pseudowireClass };
}

function takeManual(xconnect: Xconnect, text: string): boolean {
  const words = text.split(/\s+/);
  if (words[1] === "id") {
    const [local, remote] = [numberIn(words[2]), numberIn(words[3])];
    if (local === undefined || remote === undefined) return false;
    xconnect.ids = [local, remote];
    return true;
  }
  const [low, high] = [numberIn(words[4]), numberIn(words[5])];
  const digits = (value: number) => value.toString(16).padStart(8, "0");
  const isWhole = low !== undefined && (words[3] === "4" || high !== undefined);
  if (!isWhole || (words[3] !== "4" && words[3] !== "8")) return false;
  const cookie = words[3] === "4" ? digits(low) : `${digits(high ?? 0)}${digits(low)}`;
  if (words[2] === "local") xconnect.receiveCookie = cookie;
  else if (words[2] === "remote") xconnect.transmitCookie = cookie;
  else return false;
  return true;
}

function addXconnect(
  draft: Draft,
  classes: Classes,
  name: string,
  vlan: WrittenKeys,
  xconnect: Xconnect,
): void {
  const { line, remote, id } = xconnect;
  const found = classes.pseudowires.get(xconnect.pseudowireClass ?? "");
  if (found === undefined)
    draft.lose(
      line,
      `pw-class ${xconnect.pseudowireClass ?? ""}`,
      "there is no such pseudowire-class here",
      true,
    );
  const isStatic = xconnect.isStatic || found?.isStatic === true;
  const controlClass = isStatic ? undefined : found?.controlClass;
  const local = classes.addresses.get(found?.localInterface?.toLowerCase() ?? "");
  const kind = isStatic ? "static" : (controlClass ?? "tunnel");
  const tunnel = draft.tunnel(`${kind}-${remote}`);
  if (tunnel === undefined) return draft.lose(line, name, "too many tunnels", true);
  const control = classes.controls.get(controlClass ?? "");
  if (controlClass !== undefined && control === undefined)
    draft.lose(line, `l2tp-class ${controlClass}`, "there is no such l2tp-class here", true);
  fillTunnel(tunnel, { local, remote, isStatic, keys: control?.keys ?? {} });
  if (local === undefined)
    draft.choices.add(
      "local: the address of `ip local interface` is not in this text: the route's is taken.",
    );
  const circuit = circuitName(draft, classes, name);
  const { sends = false, receives = false } = found ?? {};
  draft.pseudowire(
    tunnel,
    `vc${id}`,
    withoutGaps({
      circuit: { interface: circuit, ...vlan },
      ...(isStatic ? {} : { remote_end_id: String(id), cookie: control?.cookie ?? 0 }),
      sublayer: receives || (isStatic && sends) ? "default" : undefined,
      sequencing: receives ? "all" : undefined,
      static: isStatic ? staticKeys(draft, xconnect, sends, receives) : undefined,
    }),
  );
}

function fillTunnel(
  { keys }: DraftTunnel,
  found: {
    readonly local: string | undefined;
    readonly remote: string;
    readonly isStatic: boolean;
    readonly keys: WrittenKeys;
  },
): void {
  Object.assign(
    keys,
    withoutGaps({
      local: found.local,
      remote: found.remote,
      encapsulation: "ip",
      control: found.isStatic ? "static" : undefined,
      ...found.keys,
    }),
  );
}

function circuitName(draft: Draft, classes: Classes, name: string): string {
  classes.circuits += 1;
  const circuit = `eth${classes.circuits}`;
  draft.choices.add(`circuit: ${circuit} stands for ${name}: write the interface of this machine.`);
  return circuit;
}

function staticKeys(draft: Draft, xconnect: Xconnect, sends: boolean, receives: boolean): WrittenKeys {
  const { ids, line } = xconnect;
  if (ids === undefined) draft.lose(line, "xconnect ... manual", "has no l2tp id LOCAL REMOTE", true);
  return withoutGaps({
    local_session_id: ids?.[0],
    remote_session_id: ids?.[1],
    receive_cookie: xconnect.receiveCookie,
    transmit_cookie: xconnect.transmitCookie,
    transmit_sequencing: sends === receives ? undefined : sends ? "all" : "none",
  });
}
